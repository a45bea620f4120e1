# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The meshdrop authors
"""The mutants: what is taken away from the sources, and which tests must notice it.

An edit is (file, text, text instead); the text must be in the file exactly once. A catcher is
KIND:WHAT: strict and torn are powerloss.py on that disk with a scenario, kill is kill.py, unit a
program of tests/unit, system a test of tests/system. The first that notices ends it.
"""

from dataclasses import dataclass

Edit = tuple[str, str, str]


@dataclass(frozen=True)
class Mutant:
    """One thing that is wrong."""

    name: str
    edits: tuple[Edit, ...]
    catchers: tuple[str, ...]


DELIVERY = "src/spool/delivery.c"
PUBLISH = "src/spool/delivery_publish.c"
RECORD = "src/spool/record.c"
LEDGER = "src/spool/ledger.c"
ARCHIVE = "src/spool/pair_archive.c"
PAIR = "src/spool/pair.c"
INCOMING = "src/agent/incoming.c"
OUTGOING = "src/agent/outgoing.c"
CLAIM = "src/agent/claim.c"
RESOLVE = "src/agent/resolve.c"
OUTCOME = "src/mesh/outcome.c"
HTTP = "src/net/http.c"
RETAIN = "src/spool/retain.c"
RETAIN_DIR = "src/spool/retain_dir.c"
RETENTION_C = "src/agent/retention.c"

# --- syncs

SYNCS = (
    Mutant(
        "record-append-without-sync",
        ((RECORD, "r = fsx_sync(record->fd, record->name, err);\n\tif (r < 0)\n\t\treturn r;\n"
                  "\trecord->sequence++;", "record->sequence++;"),),
        ("strict:send-single",),
    ),
    Mutant(
        "record-create-without-directory-sync",
        ((RECORD, "return fsx_sync_dir(dirfd, record->name, err);\n}\n\nint record_create",
                  "return dirfd < 0 ? -1 : 0;\n}\n\nint record_create"),),
        ("strict:send-single",),
    ),
    Mutant(
        "part-without-sync",
        (
            (DELIVERY, "int r = fsx_sync(delivery->part, delivery->id, err);\n"
                       "\tif (r < 0 || delivery->done > 0)\n\t\treturn r;",
                       "if (delivery->done > 0)\n\t\treturn 0;"),
            (DELIVERY, "return fsx_sync(delivery->part, delivery->id, err);\n\tchar name",
                       "return 0;\n\tchar name"),
        ),
        ("strict:receive-single",),
    ),
    Mutant(
        "chunk-recorded-before-its-sync",
        ((DELIVERY, "int r = fsx_sync(delivery->part, delivery->id, err);\n"
                    "\tif (r < 0 || delivery->done > 0)\n\t\treturn r;",
                    "if (delivery->done > 0)\n\t\treturn 0;"),),
        ("torn:receive-chunks",),
    ),
    Mutant(
        "staged-without-directory-sync",
        ((DELIVERY, 'r = fsx_sync_dir(box->temp, "TEMP", err);\n\tif (r < 0)\n\t\treturn r;\n'
                    "\t/* if we die here all files", "/* if we die here all files"),),
        ("strict:receive-single",),
    ),
    Mutant(
        "published-without-directory-sync",
        ((PUBLISH, "r = fsx_sync_dir(place->dir, place->name, err);\n"
                   '\treturn r < 0 ? r : fsx_sync_dir(place->box->temp, "TEMP", err);',
                   "return 0;"),),
        ("strict:receive-single",),
    ),
    Mutant(
        "ledger-without-sync",
        ((LEDGER, "r = fsx_sync(ledger->fd, ledger->name, err);\n\tif (r < 0)\n\t\treturn r;\n"
                  "\tledger->sequence++;", "ledger->sequence++;"),),
        ("strict:receive-consumed",),
    ),
    Mutant(
        "new-ledger-without-directory-sync",
        ((LEDGER, "return r < 0 ? r : fsx_sync_dir(ledger->dirfd, ledger->name, err);",
                  "return r;"),),
        ("strict:receive-consumed",),
    ),
    Mutant(
        "archived-without-directory-sync",
        (
            (ARCHIVE, "r = fsx_sync_dir(archive_dir(box, job->failed),\n"
                      '\t\t\t job->failed ? "FAILED" : "SENT", err);\n'
                      "\tif (r < 0)\n\t\treturn r;\n", ""),
            (ARCHIVE, 'return fsx_sync_dir(box->temp, "TEMP", err);\n}\n\nint pair_archive',
                      "return 0;\n}\n\nint pair_archive"),
        ),
        ("strict:send-single",),
    ),
    Mutant(
        "control-file-of-a-route-without-directory-sync",
        ((CLAIM, "if (r == 0 && (report || job->route[0] != '\\0'))",
                 "if (r == 0 && report && job->route[0] == '\\0')"),),
        ("strict:route-single",),
    ),
    Mutant(
        "route-folder-without-sync",
        ((PAIR, "if (r == 0 && folder >= 0)\n\t\tr = fsx_sync_dir(folder, job->route, err);\n",
                ""),),
        ("torn:route-single",),
    ),
    Mutant(
        "staged-archive-without-directory-sync",
        (("src/agent/settle.c",
          'r = fsx_sync_dir(turn->mailbox->dir.temp, "TEMP", err);', "r = 0;"),),
        ("strict:send-single", "strict:send-reports"),
    ),
    Mutant(
        "stored-file-without-sync",
        (("src/base/fsx_whole.c",
          "r = fsx_sync(*fd, name, err);\n\tif (r < 0)\n\t\treturn r;\n", ""),),
        ("strict:send-single", "strict:receive-single"),
    ),
    Mutant(
        "directory-sync-does-nothing",
        (("src/base/fsx.c", "if (fsync(dirfd) < 0 && errno != EINVAL)",
          "if (dirfd < 0 && label && errno != EINVAL)"),),
        ("strict:send-single",),
    ),
)

# --- the order of steps

ORDER = (
    Mutant(
        "no-intent",
        (("src/spool/job.c", "int r = record_append(&next.record",
          "int r = to == JOB_OPENING ? 0 : record_append(&next.record"),),
        ("strict:send-single",),
    ),
    Mutant(
        "claim-without-record",
        ((CLAIM, "if (r == 0)\n\t\tr = job_create(job, &mailbox->dir, now, err);",
                 "if (r == 0)\n\t\tr = pair_claim(&mailbox->dir, job, err);\n"
                 "\tif (r == 0)\n\t\tr = job_create(job, &mailbox->dir, now, err);"),),
        ("strict:send-single",),
    ),
    Mutant(
        "acknowledge-before-delivery",
        ((INCOMING, "r = incoming_deliver(mailbox, err);\n\t\tif (r < 0)\n\t\t\treturn r;\n\t}\n",
                    "r = acknowledge(turn, id, err);\n\t\tif (r == 0)\n"
                    "\t\t\tr = incoming_deliver(mailbox, err);\n"
                    "\t\tif (r < 0)\n\t\t\treturn r;\n\t}\n"),),
        ("strict:receive-single",),
    ),
    Mutant(
        "acknowledge-without-ledger",
        ((INCOMING, "if (r == 0 && !ledger_delivered(mailbox->ledger, id))",
                    "if (r == 0 && !id[0])"),),
        ("kill:receive-consumed",),
    ),
    Mutant(
        "control-file-published-first",
        (
            (PUBLISH, "int r = delivery->report ? 0 : publish_data(delivery, place, err);",
                      'int r = publish_one(delivery, place, ".ctl", ".ctl", err);'),
            (PUBLISH, 'r = publish_one(delivery, place, ".ctl", ".ctl", err);\n'
                      "\tif (r < 0)\n\t\treturn r;\n\t/* if we die here all",
                      "r = delivery->report ? 0 : publish_data(delivery, place, err);\n"
                      "\tif (r < 0)\n\t\treturn r;\n\t/* if we die here all"),
        ),
        ("kill:receive-single",),
    ),
    Mutant(
        "second-name-after-the-control-file",
        (
            (PUBLISH, "return r < 0 ? r : publish_second(delivery, place, err);", "return r;"),
            (PUBLISH, 'r = publish_one(delivery, place, ".ctl", ".ctl", err);\n',
                      'r = publish_one(delivery, place, ".ctl", ".ctl", err);\n'
                      "\tif (r == 0 && !delivery->report)\n"
                      "\t\tr = publish_second(delivery, place, err);\n"),
        ),
        ("kill:deliver-one",),
    ),
    Mutant(
        "folder-not-in-the-record",
        ((DELIVERY, "if (delivery->folder[0] != '\\0')", "if (delivery->folder[0] == '\\1')"),),
        ("kill:recover-deliver", "unit:test_spool_delivery_publish"),
    ),
    Mutant(
        "record-removed-before-archive",
        (("src/agent/settle.c", "int r = pair_archive(&mailbox->dir, job, keep, err);",
          "int r = job_finish(job, &mailbox->dir, err);\n"
          "\tif (r == 0)\n\t\tr = pair_archive(&mailbox->dir, job, keep, err);"),),
        ("strict:send-single",),
    ),
    Mutant(
        "last-chunk-first",
        (
            (OUTGOING, "int r = open_chunk_payload(turn, out, job->chunks_done + 1, &payload,",
                       "unsigned turned = job->chunk_count + 1 - job->chunks_done;\n"
                       "\tint r = open_chunk_payload(turn, out, turned, &payload,"),
            (OUTGOING, "job->chunks_done + 1, job->chunk_count, &out->outcome);",
                       "turned, job->chunk_count, &out->outcome);"),
        ),
        ("kill:send-chunks",),
    ),
)

# --- what is asked and remembered

KNOWLEDGE = (
    Mutant(
        "unknown-is-sent-again",
        ((OUTCOME, "case OUTCOME_SINGLE:\n\t\treturn OUTCOME_UNKNOWN;",
                   "case OUTCOME_SINGLE:\n\t\treturn OUTCOME_LATER;"),),
        ("strict:send-reply-dropped",),
    ),
    Mutant(
        "opening-is-sent-again",
        ((OUTGOING, "if (job->chunk_count > 1)\n\t\treturn move(out, JOB_CLAIMED, err);",
                    "if (job->chunk_count > 0)\n\t\treturn move(out, JOB_CLAIMED, err);"),),
        ("strict:recover-opening",),
    ),
    Mutant(
        "baseline-ignored",
        ((RESOLVE, "if (strcmp(facts->track->message_id, facts->baseline) == 0)",
                   'if (strcmp(facts->track->message_id, "") == 0)'),),
        ("unit:test_agent_resolve",),
    ),
    Mutant(
        "adopted-whatever-the-size",
        ((RESOLVE, "return size == facts->size || size == facts->body_size;",
                   "return size == facts->size || size != facts->body_size;"),),
        ("unit:test_agent_resolve",),
    ),
    Mutant(
        "absent-once-is-enough",
        ((RESOLVE, "#define ABSENT_ENOUGH 2", "#define ABSENT_ENOUGH 1"),),
        ("unit:test_agent_resolve",),
    ),
    Mutant(
        "ledger-not-asked",
        ((INCOMING, "if (!ledger_delivered(mailbox->ledger, id)) {", "if (id[0]) {"),),
        ("system:test_inbox.py::test_acknowledge_lost", "kill:receive-consumed"),
    ),
    Mutant(
        "gone-from-temp-is-an-error",
        ((PAIR, "*ret_gone = true;\n\treturn 0;",
                '*ret_gone = true;\n\treturn err_set(err, ERR_IO, "%s is gone", from);'),),
        ("strict:recover-send", "strict:recover-receive"),
    ),
    Mutant(
        "file-taken-back-is-not-void",
        ((PAIR, "if (r == -ERR_MISSING) /* it comes second: nothing was moved */\n"
                "\t\t\treturn nothing_there(job, err);\n", "if (r == -ERR_MISSING)\n\t\t\tr = 0;\n"),),
        ("kill:route-taken",),
    ),
    Mutant(
        "last-chunk-not-confirmed",
        ((OUTCOME, "if (!opens(step) && status == 423)\n\t\treturn OUTCOME_CONFIRM;",
                   "if (!opens(step) && status == 423)\n\t\treturn OUTCOME_REFUSED;"),),
        ("unit:test_mesh_outcome",),
    ),
    Mutant(
        "lost-upload-is-refused",
        ((OUTCOME, "return step == OUTCOME_LAST ? OUTCOME_CONFIRM : OUTCOME_RESTART;",
                   "return OUTCOME_REFUSED;"),),
        ("unit:test_mesh_outcome",),
    ),
    Mutant(
        "resumed-inside-a-gzip-stream",
        ((DELIVERY, "if (between) {", "if (between || !between) {"),),
        ("kill:receive-gzip", "unit:test_spool_delivery"),
    ),
)

# --- what is believed

BELIEF = (
    Mutant(
        "torn-line-not-cut",
        ((RECORD, "if (torn) {", "if (torn && dirfd < 0) {"),),
        ("unit:test_spool_record",),
    ),
    Mutant(
        "sum-ignored",
        ((RECORD, "return memcmp(text + len - SUM_SIZE, sum, SUM_SIZE) == 0;",
                  "return sum[0] == ' ';"),),
        ("unit:test_spool_record",),
    ),
    Mutant(
        "archive-overwrites",
        (("src/base/fsx_name.c", "renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE)",
          "renameat2(from_dir, from, to_dir, to, 0)"),),
        ("unit:test_base_fsx",),
    ),
    Mutant(
        "framing-ignored",
        ((HTTP, "if (!http_head_framed(&x->head))", "if (x->head.bytes == 0)"),),
        ("unit:test_net_http",),
    ),
    Mutant(
        "gzip-without-end-accepted",
        (("src/mesh/inbox.c", "if (download->head->chunk == download->head->count &&\n",
          "if (download->head->chunk == 0 &&\n"),),
        ("unit:test_mesh_inbox", "system:test_inbox.py"),
    ),
    Mutant(
        "expect-left-to-libcurl",
        ((HTTP, 'add_field(x, "Expect:");', ""),),
        ("unit:test_net_http", "system:test_one_post.py"),
    ),
    Mutant(
        "libcurl-may-repeat",
        (
            (HTTP, "return ++x->starts > 1 ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;",
                   "x->starts++;\n\treturn CURL_PREREQFUNC_OK;"),
            (HTTP, "return !x->client->clean || !HAVE_PREREQ ||\n"
                   "\t       body_length(x->request) == 0;", "return !x && !HAVE_PREREQ;"),
        ),
        ("unit:test_net_http", "system:test_one_post.py"),
    ),
    Mutant(
        "proxy-sees-the-token",
        ((HTTP, "(long)CURLHEADER_SEPARATE", "(long)CURLHEADER_UNIFIED"),),
        ("unit:test_net_http_proxy",),
    ),
    Mutant(
        "no-tunnel-through-the-proxy",
        ((HTTP, "SET(CURLOPT_HTTPPROXYTUNNEL, 1L);", "SET(CURLOPT_HTTPPROXYTUNNEL, 0L);"),),
        ("unit:test_net_http_proxy",),
    ),
    Mutant(
        "no-last-look",
        ((HTTP, "if (x->given + want == source->length && source->last_look)",
                "if (x->given + want > source->length && source->last_look)"),),
        ("unit:test_net_http",),
    ),
    Mutant(
        "lock-not-taken",
        (("src/base/fsx.c", "n = fcntl(fd, F_OFD_SETLK, &whole);", "n = whole.l_type < 0;"),),
        ("unit:test_base_fsx", "system:test_daemon.py"),
    ),
)

# --- what retention may not touch

RETENTION = (
    Mutant(
        "retention-unread",
        ((RETAIN, "return file->atime_ns > file->ctime_ns;",
                  "return file->atime_ns >= 0;"),),
        ("unit:test_spool_retain",),
    ),
    Mutant(
        "retention-of-changed-files",
        ((RETAIN_DIR, "if (r < 0 || !same)\n\t\treturn r;", "if (r < 0)\n\t\treturn r;"),),
        ("unit:test_spool_retain_dir",),
    ),
    Mutant(
        "retention-of-links",
        ((RETAIN, "if (facts->links == 1)\n\t\treturn true;",
                  "if (facts->links > 0)\n\t\treturn true;"),),
        ("unit:test_spool_retain",),
    ),
    Mutant(
        "retention-data-first",
        ((RETAIN, "return left->role < right->role ? -1 : 1;",
                  "return left->role > right->role ? -1 : 1;"),),
        ("unit:test_spool_retain",),
    ),
    Mutant(
        "retention-of-what-jobs-name",
        ((RETENTION_C, "return !is_of_job(ctx, stem);", "return ctx && stem;"),),
        ("unit:test_agent_retention",),
    ),
    Mutant(
        "retention-beside-a-damaged-record",
        ((RETENTION_C, "bool known = mailbox->damaged == 0;", "bool known = true;"),),
        ("unit:test_agent_retention",),
    ),
    Mutant(
        "retention-by-a-clock-that-was-set",
        ((RETENTION_C, "retention->contact_ns != 0 && drift < CLOCK_SLACK &&",
                       "retention->contact_ns != 0 && drift < INT64_MAX &&"),),
        ("unit:test_agent_retention",),
    ),
)

ALL = (*SYNCS, *ORDER, *KNOWLEDGE, *BELIEF, *RETENTION)

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/tell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/hooks.h"
#include "agent/mailbox.h"
#include "base/buf.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "spool/delivery.h"
#include "spool/pair.h"

#define ENV_MOST 12
#define HOOK_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* As the settings call them. */
static const char *const events[CONF_EVENT_COUNT] = {
	[CONF_ON_RECEIVE] = "on_receive",
	[CONF_ON_REPORT] = "on_report",
	[CONF_ON_FAILED] = "on_failed",
};

static bool is_wanted(const struct mailbox *mailbox, enum conf_event event)
{
	return mailbox->hooks && mailbox->set->hooks[event].command.count > 0;
}

/* --- facts --- */

void tell_workflow(const struct mailbox *mailbox, enum conf_event event,
		   const char *temp_name, char ret[TELL_WORKFLOW_SIZE])
{
	ret[0] = '\0';
	if (!is_wanted(mailbox, event))
		return;
	AUTO_BUF struct buf text;
	buf_init(&text, CTL_SIZE_MAX);
	struct ctl ctl;
	if (fsx_load(mailbox->dir.temp, temp_name, &text, NULL) < 0 ||
	    ctl_read(text.data, text.len, &ctl, NULL) < 0)
		return;
	const char *workflow = ctl_get(&ctl, CTL_WORKFLOW_ID);
	if (text_is_header_value(workflow, TELL_WORKFLOW_SIZE - 1))
		(void)text_copy(ret, TELL_WORKFLOW_SIZE, workflow); /* fits */
	ctl_release(&ctl);
}

/* How the folder is spelled on disk; NULL without a file. */
static char *path_of(const struct mailbox *mailbox, const char *folder,
		     const char *file)
{
	if (!file || *file == '\0')
		return NULL;
	char found[TEXT_NAME_SIZE] = "";
	if (boxdir_find(mailbox->dir.base, folder, found, NULL) < 0 ||
	    *found == '\0')
		return NULL;
	return xasprintf("%s/%s/%s", mailbox->dir.root, found, file);
}

/* --- argv and environment --- */

static char **copy_texts(const struct conf_texts *texts)
{
	char **copy = xcalloc(texts->count + 1, sizeof(*copy));
	for (size_t i = 0; i < texts->count; i++)
		copy[i] = xstrdup(texts->items[i]);
	return copy;
}

static void put(char **env, const char *name, const char *value)
{
	if (!value || *value == '\0')
		return;
	size_t i = 0;
	while (env[i])
		i++;
	env[i] = xasprintf("%s=%s", name, value);
}

/* All there is: nothing is inherited. TZ is that of the settings, and is only
 * changed while no turn runs. */
static char **make_env(const struct mailbox *mailbox, enum conf_event event,
		       const struct tell *what)
{
	AUTO_FREE char *ctl = path_of(mailbox, what->folder, what->ctl);
	AUTO_FREE char *dat = path_of(mailbox, what->folder, what->dat);
	char **env = xcalloc(ENV_MOST, sizeof(*env));
	put(env, "PATH", HOOK_PATH);
	put(env, "LANG", "C.UTF-8");
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): not set while a turn runs */
	put(env, "TZ", getenv("TZ"));
	put(env, "MESHDROP_EVENT", events[event]);
	put(env, "MESHDROP_MAILBOX", mailbox->set->id);
	put(env, "MESHDROP_CTL", ctl);
	put(env, "MESHDROP_DAT", dat);
	put(env, "MESHDROP_MESSAGE_ID", what->message_id);
	put(env, "MESHDROP_JOB", what->job);
	put(env, "MESHDROP_WORKFLOW", what->workflow);
	put(env, "MESHDROP_STATUS", what->status);
	return env;
}

struct hook *tell_hook(const struct mailbox *mailbox, enum conf_event event,
		       const struct tell *what)
{
	const struct conf_hook *set = &mailbox->set->hooks[event];
	if (set->command.count == 0)
		return NULL;
	struct hook *hook = xcalloc(1, sizeof(*hook));
	(void)text_copy(hook->mailbox, sizeof(hook->mailbox),
			mailbox->set->id); /* the same size */
	hook->event = events[event];
	hook->about = what->job ? xasprintf("job=%s", what->job) :
				  xasprintf("message=%s", what->message_id);
	hook->argv = copy_texts(&set->command);
	hook->env = make_env(mailbox, event, what);
	hook->timeout_ns = set->timeout_ns;
	hook->parallel = mailbox->set->hooks_parallel;
	return hook;
}

/* --- the moments --- */

static void tell(struct mailbox *mailbox, enum conf_event event,
		 const struct tell *what)
{
	struct hook *hook = tell_hook(mailbox, event, what);
	if (hook)
		hooks_add(mailbox->hooks, hook);
}

void tell_arrived(struct mailbox *mailbox, const char *folder, const char *id,
		  bool report, const char *workflow)
{
	enum conf_event event = report ? CONF_ON_REPORT : CONF_ON_RECEIVE;
	if (!is_wanted(mailbox, event))
		return;
	char ctl[TEXT_NAME_SIZE];
	char dat[TEXT_NAME_SIZE];
	delivery_name(id, ".ctl", ctl);
	delivery_name(id, ".dat", dat);
	tell(mailbox, event,
	     &(struct tell){
		     .folder = folder,
		     .ctl = ctl,
		     .dat = report ? NULL : dat,
		     .message_id = id,
		     .workflow = workflow,
	     });
}

void tell_failed(struct mailbox *mailbox, const struct job *job,
		 const char *workflow)
{
	if (!is_wanted(mailbox, CONF_ON_FAILED))
		return;
	char ctl[TEXT_NAME_SIZE];
	char dat[TEXT_NAME_SIZE];
	pair_archived(&mailbox->dir, job, false, ctl);
	pair_archived(&mailbox->dir, job, true, dat);
	AUTO_FREE char *status = xasprintf("%s %s", job->event, job->code);
	tell(mailbox, CONF_ON_FAILED,
	     &(struct tell){
		     .folder = "FAILED",
		     .ctl = ctl,
		     .dat = dat,
		     .message_id = job->message_id,
		     .job = job->id,
		     .workflow = workflow,
		     .status = status,
	     });
}

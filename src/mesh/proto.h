/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * The words of the MESH API: paths, header names, limits.
 *
 * Builds URLs and headers from values that have been checked; a value that
 * breaks its rule is ERR_INVALID and names the control-file element. Source:
 * MESH API specification 2.0, "Send message" and "Check inbox".
 */
#ifndef MESHDROP_MESH_PROTO_H
#define MESHDROP_MESH_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define PROTO_ACCEPT "application/vnd.mesh.v2+json"
#define PROTO_ACCEPT_V1 "application/vnd.mesh.v1+json"
#define PROTO_PATH_START "/messageexchange/"
#define PROTO_PATH_MAX 2048
#define PROTO_TO_MAX 100
#define PROTO_WORKFLOW_MAX 300
#define PROTO_SUBJECT_MAX 500
#define PROTO_LOCAL_ID_MAX 300
#define PROTO_FILE_NAME_MAX 300
#define PROTO_PARTNER_MAX 500
#define PROTO_CHECKSUM_MAX 100
/* A request body stays under 100 MB, with a margin. */
#define PROTO_BODY_MAX UINT64_C(99000000)
#define PROTO_CHUNKS_MAX 10000u

/* What is said about a message when it is sent. NULL or "": not said. */
struct proto_message {
	const char *to;
	const char *workflow;
	const char *subject;
	const char *local_id;
	const char *file_name;
	const char *partner_id;
	const char *process_id;
	const char *checksum;
	bool encrypted;
	bool compressed; /* the content itself, as IsCompressed says */
};

/* Everything the API would refuse, before anything is sent; the error names
 * the control file's element (To_DTS, WorkflowId, Subject, LocalId ...). */
int proto_check(const struct proto_message *message, struct err *err)
	__attribute__((warn_unused_result));

/* "/messageexchange/" and the parts, each percent-encoded, with '/' between;
 * ERR_INVALID when it is longer than PROTO_PATH_MAX. */
int proto_path(const char *const *parts, size_t count, char ret[PROTO_PATH_MAX],
	       struct err *err) __attribute__((warn_unused_result));

/* "k:n" */
#define PROTO_RANGE_SIZE 24
void proto_range(unsigned chunk, unsigned count, char ret[PROTO_RANGE_SIZE]);
/* Accepts "k:n", blanks, braces; NULL, empty and n < 1 are 1:1. False when it
 * is none of these or k is not in 1..n. */
bool proto_range_parse(const char *text, unsigned *ret_chunk,
		       unsigned *ret_count);

#endif

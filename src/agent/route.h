/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
/*
 * What the settings make of a file that was dropped into a route's folder:
 * which route takes it, and the control file that it gets. Pure.
 *
 * In a value a byte of the file's name that no header can carry becomes '_', as
 * in the name that the recipient is told. To_DTS is the exception: there it
 * becomes a character that is refused, because with another recipient the
 * message would go to somebody else.
 */
#ifndef MESHDROP_AGENT_ROUTE_H
#define MESHDROP_AGENT_ROUTE_H

#include "base/text.h"
#include "spool/ctl.h"

struct conf_mailbox;
struct conf_route;

/* What is known about a file. */
struct route_file {
	const char *name;
	const char *to;	   /* what "{to}" stood for */
	const char *stamp; /* 14 digits, local */
};

/* The first route of that folder whose pattern fits; NULL: none does. */
const struct conf_route *route_find(const struct conf_mailbox *set,
				    const char *folder, const char *file_name,
				    char ret_to[TEXT_NAME_SIZE]);
void route_control(const struct conf_route *route, const char *mailbox,
		   const struct route_file *file, struct ctl *ret);

#endif

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "agent/place.h"

#include <stdbool.h>
#include <string.h>

#include "conf/conf.h"
#include "mesh/inbox.h"
#include "spool/delivery.h"
#include "spool/second.h"

static bool fits(const char *wanted, const char *workflow)
{
	size_t len = strlen(wanted);
	if (len > 0 && wanted[len - 1] == '*')
		return strncmp(workflow, wanted, len - 1) == 0;
	return strcmp(workflow, wanted) == 0;
}

const struct conf_delivery *place_find(const struct conf_mailbox *set,
				       const char *workflow)
{
	for (size_t i = 0; i < set->delivery_count; i++) {
		const struct conf_delivery *to = &set->deliveries[i];
		for (size_t j = 0; j < to->workflows.count; j++)
			if (fits(to->workflows.items[j], workflow))
				return to;
	}
	return NULL;
}

void place_choose(const struct conf_mailbox *set, const struct inbox_head *head,
		  struct delivery *ret)
{
	ret->folder[0] = '\0';
	ret->second[0] = '\0';
	const struct conf_delivery *to = head->report ?
						 NULL :
						 place_find(set,
							    head->workflow);
	/* the settings hold no longer name; in IN it is found at least */
	if (!to || !text_copy(ret->folder, sizeof(ret->folder), to->folder))
		return;
	if (to->second_name &&
	    !second_name(head->file_name, ret->id, ret->second))
		ret->second[0] = '\0';
}

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "spool/ctl.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

static const char *const names[CTL_COUNT] = {
	[CTL_VERSION] = "Version",
	[CTL_ADDRESS_TYPE] = "AddressType",
	[CTL_MESSAGE_TYPE] = "MessageType",
	[CTL_FROM_DTS] = "From_DTS",
	[CTL_TO_DTS] = "To_DTS",
	[CTL_FROM_ESMTP] = "From_ESMTP",
	[CTL_TO_ESMTP] = "To_ESMTP",
	[CTL_SUBJECT] = "Subject",
	[CTL_LOCAL_ID] = "LocalId",
	[CTL_DTS_ID] = "DTSId",
	[CTL_PARTNER_ID] = "PartnerId",
	[CTL_COMPRESS] = "Compress",
	[CTL_ENCRYPTED] = "Encrypted",
	[CTL_WORKFLOW_ID] = "WorkflowId",
	[CTL_PROCESS_ID] = "ProcessId",
	[CTL_DATA_CHECKSUM] = "DataChecksum",
	[CTL_IS_COMPRESSED] = "IsCompressed",
	[CTL_ALLOW_CHUNKING] = "AllowChunking",
	[CTL_STATUS_TIME] = "DateTime",
	[CTL_STATUS_EVENT] = "Event",
	[CTL_STATUS] = "Status",
	[CTL_STATUS_CODE] = "StatusCode",
	[CTL_STATUS_TEXT] = "Description",
};

const char *ctl_field_name(enum ctl_field field)
{
	return names[field];
}

void ctl_init(struct ctl *ctl)
{
	*ctl = (struct ctl){ .value = { NULL } };
}

void ctl_release(struct ctl *ctl)
{
	if (!ctl)
		return;
	for (size_t i = 0; i < CTL_COUNT; i++)
		free(ctl->value[i]);
	ctl_init(ctl);
}

void ctl_set(struct ctl *ctl, enum ctl_field field, const char *value)
{
	char *copy = value ? xstrdup(value) : NULL;
	free(ctl->value[field]);
	ctl->value[field] = copy;
}

const char *ctl_get(const struct ctl *ctl, enum ctl_field field)
{
	return ctl->value[field] ? ctl->value[field] : "";
}

bool ctl_flag(const struct ctl *ctl, enum ctl_field field, bool preset,
	      bool *ret)
{
	const char *value = ctl_get(ctl, field);
	if (*value)
		return text_flag(value, ret);
	*ret = preset;
	return true;
}

void ctl_set_status(struct ctl *ctl, const struct ctl_status *status)
{
	ctl_set(ctl, CTL_STATUS_TIME, status->time);
	ctl_set(ctl, CTL_STATUS_EVENT, status->event);
	ctl_set(ctl, CTL_STATUS, status->success ? "SUCCESS" : "ERROR");
	ctl_set(ctl, CTL_STATUS_CODE, status->code);
	ctl_set(ctl, CTL_STATUS_TEXT, status->text);
}

void ctl_copy(struct ctl *to, const struct ctl *from)
{
	if (to == from)
		return;
	for (size_t i = 0; i < CTL_COUNT; i++)
		ctl_set(to, (enum ctl_field)i, from->value[i]);
}

/* --- what OUT must have --- */

static int check_kind(const struct ctl *ctl, struct err *err)
{
	const char *kind = ctl_get(ctl, CTL_MESSAGE_TYPE);
	if (!*kind || text_equal_nocase(kind, "Data"))
		return 0;
	return err_set(err, ERR_INVALID,
		       "MessageType is not Data: only data can be sent");
}

static bool is_mail_only(const struct ctl *ctl)
{
	return text_equal_nocase(ctl_get(ctl, CTL_ADDRESS_TYPE), "SMTP");
}

static int check_address_type(const struct ctl *ctl, struct err *err)
{
	const char *kind = ctl_get(ctl, CTL_ADDRESS_TYPE);
	if (!*kind || is_mail_only(ctl) || text_equal_nocase(kind, "DTS") ||
	    text_equal_nocase(kind, "ALL"))
		return 0;
	return err_set(err, ERR_INVALID,
		       "AddressType is none of DTS, SMTP and ALL");
}

static int check_recipient(const struct ctl *ctl, struct err *err)
{
	if (*ctl_get(ctl, CTL_TO_DTS))
		return 0;
	if (is_mail_only(ctl))
		return err_set(err, ERR_INVALID,
			       "AddressType is SMTP and To_DTS is missing: "
			       "messages go to mailboxes only, so name the "
			       "recipient's mailbox in To_DTS");
	return err_set(err, ERR_INVALID,
		       "To_DTS is missing: it has to name the recipient's "
		       "mailbox");
}

static int check_sender(const struct ctl *ctl, const char *mailbox,
			struct err *err)
{
	const char *sender = ctl_get(ctl, CTL_FROM_DTS);
	if (!*sender || text_equal_nocase(sender, mailbox))
		return 0;
	return err_set(err, ERR_REFUSED,
		       "From_DTS is not this mailbox (%s): put the pair into "
		       "the OUT folder of its sender",
		       mailbox);
}

static int check_flags(const struct ctl *ctl, struct err *err)
{
	static const enum ctl_field flags[] = {
		CTL_COMPRESS,
		CTL_ENCRYPTED,
		CTL_ALLOW_CHUNKING,
	};
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		bool value;
		if (!ctl_flag(ctl, flags[i], false, &value))
			return err_set(err, ERR_INVALID,
				       "%s is neither Y nor N nor empty",
				       names[flags[i]]);
	}
	return 0;
}

int ctl_judge_out(const struct ctl *ctl, const char *mailbox,
		  const char **ret_code, struct err *err)
{
	const char *code = "11";
	int r = check_kind(ctl, err);
	if (r == 0) {
		code = "07";
		r = check_sender(ctl, mailbox, err);
	}
	if (r == 0) {
		code = "10";
		r = check_address_type(ctl, err);
	}
	if (r == 0) {
		code = "08";
		r = check_recipient(ctl, err);
	}
	if (r == 0) {
		code = "06";
		r = check_flags(ctl, err);
	}
	if (r < 0)
		*ret_code = code;
	return r;
}

int ctl_check_out(const struct ctl *ctl, const char *mailbox, struct err *err)
{
	const char *code;
	return ctl_judge_out(ctl, mailbox, &code, err);
}

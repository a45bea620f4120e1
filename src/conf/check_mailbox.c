/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "conf/check_mailbox.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "base/fsx.h"
#include "base/mem.h"
#include "base/template.h"
#include "base/text.h"
#include "conf/conf.h"
#include "conf/schema.h"

/* What the MESH API takes (mesh/proto has the same). */
#define TO_MAX 100
#define WORKFLOW_MAX 300
#define SUBJECT_MAX 500
#define LOCAL_ID_MAX 300
#define FILTER_MIN 2
#define FILTER_MAX 255

/* --- folders --- */

static void check_folder(struct schema_load *load, const char *name)
{
	int line = schema_line(load, "", "folder");
	if (!name)
		return;
	if (text_is_own_folder(name))
		schema_complain(load, line,
				"%s: folder must not be one of IN, OUT, SENT, "
				"FAILED and TEMP",
				load->within);
	else if (!text_is_file_name(name) || name[0] == '.')
		schema_complain(load, line,
				"%s: folder must be one name below root, "
				"without '/' and not hidden",
				load->within);
}

/* --- values of headers --- */

static bool has_web_address(const char *s)
{
	for (; *s != '\0'; s++) {
		if (text_starts_nocase(s, "http://") ||
		    text_starts_nocase(s, "https://"))
			return true;
	}
	return false;
}

/* HTTP drops blanks at both ends. */
static bool is_blank_at_an_end(const char *s)
{
	size_t len = strlen(s);
	return len > 0 && (s[0] == ' ' || s[len - 1] == ' ');
}

/* False after a complaint. */
static bool check_header(struct schema_load *load, const char *name,
			 const char *value, size_t max)
{
	int line = schema_line(load, "", name);
	if (!text_is_header_value(value, max))
		schema_complain(load, line,
				"%s: %s must be at most %zu printable ASCII "
				"characters",
				load->within, name, max);
	else if (is_blank_at_an_end(value))
		schema_complain(load, line,
				"%s: %s must not begin or end with a blank",
				load->within, name);
	else
		return true;
	return false;
}

/* A value that says whom or what for: MESH refuses addresses in it. */
static bool check_address(struct schema_load *load, const char *name,
			  const char *value, size_t max)
{
	if (!check_header(load, name, value, max))
		return false;
	if (!has_web_address(value))
		return true;
	schema_complain(load, schema_line(load, "", name),
			"%s: %s has a web address in it, which MESH refuses",
			load->within, name);
	return false;
}

/* --- routes --- */

/* "{to}" is the last: it is known only where match has it. */
static const struct template_value known[] = {
	{ "filename", "" }, { "stem", "" }, { "date", "" },
	{ "time", "" },	    { "to", "" },
};

static void check_template(struct schema_load *load, const char *name,
			   const char *value, bool has_to)
{
	size_t count = sizeof(known) / sizeof(*known) - (has_to ? 0 : 1);
	const char *wrong = template_check(value, known, count);
	if (wrong)
		schema_complain(load, schema_line(load, "", name),
				"%s: %s: %s; known are {filename} {stem} "
				"{date} {time} and, where match has it, {to}",
				load->within, name, wrong);
}

static bool check_match(struct schema_load *load, const char *match)
{
	const char *wrong = pattern_check(match);
	if (wrong)
		schema_complain(load, schema_line(load, "", "match"),
				"%s: match cannot be used: %s", load->within,
				wrong);
	return pattern_has_capture(match);
}

static void check_to(struct schema_load *load, struct conf_route *route,
		     bool has_to)
{
	bool given = schema_line(load, "", "to") > 0;
	if (!route->to && !given && has_to)
		route->to = xstrdup("{to}");
	else if (!route->to && !given)
		schema_complain(load, 0,
				"%s: to is missing (the recipient's mailbox); "
				"only a match with {to} in it says who that is",
				load->within);
	if (route->to && check_address(load, "to", route->to, TO_MAX))
		check_template(load, "to", route->to, has_to);
}

void check_route(struct schema_load *load)
{
	struct conf_route *route = load->target;
	check_folder(load, route->folder);
	bool has_to = check_match(load, route->match);
	check_to(load, route, has_to);
	if (route->workflow &&
	    check_address(load, "workflow", route->workflow, WORKFLOW_MAX) &&
	    strpbrk(route->workflow, "{}*"))
		schema_complain(load, schema_line(load, "", "workflow"),
				"%s: workflow is one workflow's id, without "
				"'{', '}' and '*'",
				load->within);
	if (check_header(load, "subject", route->subject, SUBJECT_MAX))
		check_template(load, "subject", route->subject, has_to);
	if (check_header(load, "local_id", route->local_id, LOCAL_ID_MAX))
		check_template(load, "local_id", route->local_id, has_to);
}

/* --- deliveries --- */

void check_delivery(struct schema_load *load)
{
	const struct conf_delivery *delivery = load->target;
	check_folder(load, delivery->folder);
	for (size_t i = 0; i < delivery->workflows.count; i++) {
		const char *name = delivery->workflows.items[i];
		const char *star = strchr(name, '*');
		if (!check_header(load, "workflows", name, WORKFLOW_MAX))
			return;
		if (star && star[1] != '\0') {
			schema_complain(load,
					schema_line(load, "", "workflows"),
					"%s: workflows: '*' stands only at the "
					"end: START*",
					load->within);
			return;
		}
	}
}

/* --- one against the other --- */

static void check_shared_folders(struct schema_load *load)
{
	const struct conf_mailbox *box = load->target;
	for (size_t i = 0; i < box->delivery_count; i++) {
		const char *folder = box->deliveries[i].folder;
		for (size_t k = 0; folder && k < box->route_count; k++) {
			const char *other = box->routes[k].folder;
			if (!other || !text_equal_nocase(folder, other))
				continue;
			schema_complain(load, schema_line(load, "", "deliver"),
					"deliver #%zu: folder '%s' is that of "
					"routes #%zu: what is received there "
					"would be sent",
					i + 1, folder, k + 1);
			break;
		}
	}
}

static void warn_hidden_routes(struct schema_load *load)
{
	const struct conf_mailbox *box = load->target;
	for (size_t i = 1; i < box->route_count; i++) {
		const struct conf_route *late = &box->routes[i];
		for (size_t k = 0; late->folder && k < i; k++) {
			const struct conf_route *early = &box->routes[k];
			if (!early->folder ||
			    !text_equal_nocase(early->folder, late->folder) ||
			    (strcmp(early->match, "*") != 0 &&
			     strcmp(early->match, late->match) != 0))
				continue;
			schema_warn(load, schema_line(load, "", "routes"),
				    "routes #%zu gets no file: routes #%zu "
				    "before it takes all that fit",
				    i + 1, k + 1);
			break;
		}
	}
}

/* Whether all that late stands for fits early, too. */
static bool is_covered(const char *late, const char *early)
{
	size_t len = strcspn(early, "*");
	return strcmp(late, early) == 0 ||
	       (early[len] == '*' && strncmp(late, early, len) == 0);
}

static bool is_taken_before(const struct conf_mailbox *box, size_t before,
			    const char *workflow)
{
	for (size_t i = 0; i < before; i++) {
		const struct conf_texts *early = &box->deliveries[i].workflows;
		for (size_t k = 0; k < early->count; k++) {
			if (is_covered(workflow, early->items[k]))
				return true;
		}
	}
	return false;
}

static void warn_hidden_deliveries(struct schema_load *load)
{
	const struct conf_mailbox *box = load->target;
	for (size_t i = 1; i < box->delivery_count; i++) {
		const struct conf_texts *late = &box->deliveries[i].workflows;
		for (size_t k = 0; k < late->count; k++) {
			if (!is_taken_before(box, i, late->items[k]))
				continue;
			schema_warn(load, schema_line(load, "", "deliver"),
				    "deliver #%zu gets no message of workflow "
				    "'%s': an entry before it takes them",
				    i + 1, late->items[k]);
		}
	}
}

/* --- the rest of the file --- */

/* WF, WF* and *WF*, each with a '!' before or without. */
static bool is_filter(const char *s)
{
	if (!text_is_header_value(s, FILTER_MAX) || strlen(s) < FILTER_MIN)
		return false;
	if (s[0] == '!')
		s++;
	bool star = s[0] == '*';
	if (star)
		s++;
	size_t len = strcspn(s, "*!");
	if (len == 0 || is_blank_at_an_end(s))
		return false;
	return strcmp(s + len, "*") == 0 || (!star && s[len] == '\0');
}

static void check_filter(struct schema_load *load)
{
	const struct conf_mailbox *box = load->target;
	if (box->workflow_filter && !is_filter(box->workflow_filter))
		schema_complain(load, schema_line(load, "", "workflow_filter"),
				"workflow_filter must be WF, WF* or *WF*, each "
				"with a '!' before or without, of %d to %d "
				"printable ASCII characters",
				FILTER_MIN, FILTER_MAX);
}

static void check_hooks(struct schema_load *load)
{
	static const char *const sections[CONF_EVENT_COUNT] = {
		[CONF_ON_RECEIVE] = "hooks.on_receive",
		[CONF_ON_REPORT] = "hooks.on_report",
		[CONF_ON_FAILED] = "hooks.on_failed",
	};
	const struct conf_mailbox *box = load->target;
	for (size_t i = 0; i < CONF_EVENT_COUNT; i++) {
		const struct conf_texts *command = &box->hooks[i].command;
		int line = schema_line(load, sections[i], "command");
		struct err err;
		if (command->count == 0)
			continue;
		const char *program = command->items[0];
		if (program[0] != '/')
			schema_complain(load, line,
					"%s.command: the program must be given "
					"with its whole path, such as "
					"/usr/local/bin/notify",
					sections[i]);
		else if (fsx_check_program(program, &err) < 0)
			schema_complain(load, line, "%s.command: %s",
					sections[i], err.text);
	}
}

void check_mailbox(struct schema_load *load)
{
	check_shared_folders(load);
	warn_hidden_routes(load);
	warn_hidden_deliveries(load);
	check_filter(load);
	check_hooks(load);
}

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The meshdrop authors */
#include "config.h"

#include "spool/retain.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "spool/scan_names.h"

#define FIRST_ROOM 64
#define STAMP_DIGITS ((size_t)14)
#define COUNT_DIGITS ((size_t)3)

/* --- what a name says --- */

static bool ends_with(const char *name, size_t len, const char *tail)
{
	size_t cut = strlen(tail);
	return len > cut && memcmp(name + len - cut, tail, cut) == 0;
}

/* Extensions of the archive are those that the application chose; in IN all
 * names are our own. */
static void classify(enum retain_kind kind, const char *name,
		     struct retain_file *file)
{
	static const char original[] = ".ctl.original";
	size_t len = strlen(name);
	size_t stem = scan_names_stem(name);
	bool folded = kind == RETAIN_ARCHIVE;
	file->stem = (uint16_t)len;
	file->role = RETAIN_OTHER;
	if (folded && ends_with(name, len, original)) {
		file->stem = (uint16_t)(len - strlen(original));
		file->role = RETAIN_ORIGINAL;
	} else if (strcmp(name + stem, ".ctl") == 0 ||
		   (folded && text_equal_nocase(name + stem, ".ctl"))) {
		file->stem = (uint16_t)stem;
		file->role = RETAIN_CTL;
	} else if (strcmp(name + stem, ".dat") == 0 ||
		   (folded && text_equal_nocase(name + stem, ".dat"))) {
		file->stem = (uint16_t)stem;
		file->role = RETAIN_DAT;
	}
}

static bool is_digits(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < '0' || text[i] > '9')
			return false;
	return len > 0;
}

/* Where the last part before *end begins, behind its '_'; 0: there is none. */
static size_t last_part(const char *text, size_t end)
{
	while (end > 0 && text[end - 1] != '_')
		end--;
	return end;
}

static bool is_event(const char *text, size_t len)
{
	static const char *const events[] = { "COLLECT", "TRANSFER", "SEND",
					      "RECEIVE" };
	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
		if (len == strlen(events[i]) &&
		    memcmp(text, events[i], len) == 0)
			return true;
	return false;
}

bool retain_is_report(const char *stem)
{
	size_t end = strlen(stem);
	size_t at = last_part(stem, end);
	if (at > 0 && end - at <= COUNT_DIGITS &&
	    is_digits(stem + at, end - at)) {
		end = at - 1;
		at = last_part(stem, end);
	}
	if (at == 0 || end - at != STAMP_DIGITS ||
	    !is_digits(stem + at, STAMP_DIGITS))
		return false;
	end = at - 1;
	at = last_part(stem, end);
	return at > 1 && is_event(stem + at, end - at);
}

/* --- the list --- */

void retain_list_release(struct retain_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->files[i].name);
	free(list->files);
	*list = (struct retain_list){ .files = NULL };
}

void retain_list_add(struct retain_list *list, enum retain_kind kind,
		     const char *name, const struct retain_file *file)
{
	if (*name == '.' || !text_is_file_name(name))
		return;
	struct retain_file next = *file;
	classify(kind, name, &next);
	if (next.role == RETAIN_OTHER &&
	    (kind == RETAIN_ARCHIVE || next.links != 2))
		return;
	if (list->count == list->room) {
		list->room = list->room ? list->room * 2 : FIRST_ROOM;
		list->files = xreallocarray(list->files, list->room,
					    sizeof(*list->files));
	}
	next.name = xstrdup(name);
	list->files[list->count++] = next;
}

static int by_group(const void *a, const void *b)
{
	const struct retain_file *left = a;
	const struct retain_file *right = b;
	size_t shared = left->stem < right->stem ? left->stem : right->stem;
	int order = memcmp(left->name, right->name, shared);
	if (order != 0)
		return order;
	if (left->stem != right->stem)
		return left->stem < right->stem ? -1 : 1;
	if (left->role != right->role)
		return left->role < right->role ? -1 : 1;
	return strcmp(left->name, right->name);
}

static bool same_group(const struct retain_file *a, const struct retain_file *b)
{
	return a->stem == b->stem && memcmp(a->name, b->name, a->stem) == 0;
}

/* --- second names --- */

struct link {
	uint64_t inode;
	size_t file;
};

struct links {
	struct link *items; /* owned; by inode */
	size_t count;
};

static int by_inode(const void *a, const void *b)
{
	const struct link *left = a;
	const struct link *right = b;
	return (left->inode > right->inode) - (left->inode < right->inode);
}

/* All files of the sorted list that have another name somewhere. */
static void find_links(const struct retain_list *list, struct links *ret)
{
	*ret = (struct links){ .items = NULL };
	for (size_t i = 0; i < list->count; i++)
		ret->count += list->files[i].links == 2;
	if (ret->count == 0)
		return;
	ret->items = xreallocarray(NULL, ret->count, sizeof(*ret->items));
	size_t n = 0;
	for (size_t i = 0; i < list->count; i++)
		if (list->files[i].links == 2)
			ret->items[n++] = (struct link){
				.inode = list->files[i].inode, .file = i
			};
	qsort(ret->items, n, sizeof(*ret->items), by_inode);
}

/* The other name of a file with two, when it is in the same folder. */
static size_t second_of(const struct links *links,
			const struct retain_list *list, size_t file)
{
	const struct link wanted = { .inode = list->files[file].inode };
	const struct link *found = bsearch(&wanted, links->items, links->count,
					   sizeof(*links->items), by_inode);
	if (!found)
		return RETAIN_NONE;
	size_t at = (size_t)(found - links->items);
	if (at > 0 && links->items[at - 1].inode == wanted.inode)
		at--;
	for (; at < links->count && links->items[at].inode == wanted.inode;
	     at++)
		if (links->items[at].file != file)
			return links->items[at].file;
	return RETAIN_NONE;
}

/* --- judging --- */

struct choice {
	const struct retain_list *list;
	const struct retain_rules *rules;
	struct links links;
	struct retain_group *groups; /* owned; those that count */
	size_t count;
	size_t room;
	uint64_t size; /* of all of them */
};

/* Read since it came. */
static bool is_taken(const struct retain_file *file)
{
	return file->atime_ns > file->ctime_ns;
}

/* Whether one file leaves the group what it must be; notes its second name. */
static bool fits(const struct choice *choice, size_t file,
		 struct retain_group *group)
{
	const struct retain_file *facts = &choice->list->files[file];
	bool in = choice->rules->kind == RETAIN_IN;
	if (!facts->plain || facts->role == RETAIN_OTHER)
		return false;
	if (in && !is_taken(facts))
		return false;
	if (facts->links == 1)
		return true;
	if (!in || facts->role != RETAIN_DAT || facts->links != 2)
		return false;
	group->second = second_of(&choice->links, choice->list, file);
	return group->second != RETAIN_NONE;
}

static bool has_role(const struct choice *choice,
		     const struct retain_group *group, enum retain_role role)
{
	for (size_t i = 0; i < group->count; i++)
		if (choice->list->files[group->first + i].role == role)
			return true;
	return false;
}

static bool is_settled(const struct choice *choice,
		       const struct retain_group *group)
{
	const struct retain_file *first = &choice->list->files[group->first];
	char stem[TEXT_NAME_SIZE];
	memcpy(stem, first->name, first->stem);
	stem[first->stem] = '\0';
	bool report = !has_role(choice, group, RETAIN_DAT) &&
		      retain_is_report(stem);
	return choice->rules->settled(choice->rules->ctx, stem, report);
}

/* Whether the group is one of ours, with what it says of itself. */
static bool measure(const struct choice *choice, struct retain_group *group)
{
	bool in = choice->rules->kind == RETAIN_IN;
	for (size_t i = 0; i < group->count; i++) {
		size_t file = group->first + i;
		if (!fits(choice, file, group))
			return false;
		const struct retain_file *facts = &choice->list->files[file];
		int64_t at = in ? facts->atime_ns : facts->ctime_ns;
		if (i == 0 || at > group->since_ns)
			group->since_ns = at;
		group->size += facts->size;
	}
	bool ctl = has_role(choice, group, RETAIN_CTL);
	bool dat = has_role(choice, group, RETAIN_DAT);
	return choice->list->cut ? ctl && dat : ctl || dat;
}

static void count_in(struct choice *choice, const struct retain_group *group)
{
	if (choice->count == choice->room) {
		choice->room = choice->room ? choice->room * 2 : FIRST_ROOM;
		choice->groups = xreallocarray(choice->groups, choice->room,
					       sizeof(*choice->groups));
	}
	choice->groups[choice->count++] = *group;
	choice->size += group->size;
}

/* What is under way in the archive takes room, too; in IN only what was taken
 * and is known counts. */
static void judge_all(struct choice *choice)
{
	const struct retain_list *list = choice->list;
	bool in = choice->rules->kind == RETAIN_IN;
	size_t at = 0;
	while (at < list->count) {
		struct retain_group group = {
			.first = at,
			.second = RETAIN_NONE,
		};
		for (; at < list->count &&
		       same_group(&list->files[group.first], &list->files[at]);
		     at++)
			group.count++;
		if (measure(choice, &group) &&
		    (!in || is_settled(choice, &group)))
			count_in(choice, &group);
	}
}

static int by_time(const void *a, const void *b)
{
	const struct retain_group *left = a;
	const struct retain_group *right = b;
	if (left->since_ns != right->since_ns)
		return left->since_ns < right->since_ns ? -1 : 1;
	return (left->first > right->first) - (left->first < right->first);
}

static bool is_due(const struct choice *choice,
		   const struct retain_group *group)
{
	const struct retain_rules *rules = choice->rules;
	if (group->since_ns >= rules->wall_ns)
		return false;
	bool old = rules->age_ns > 0 &&
		   rules->wall_ns - group->since_ns > rules->age_ns;
	bool much = rules->size > 0 && choice->size > rules->size;
	if (!old && !much)
		return false;
	return rules->kind == RETAIN_IN || is_settled(choice, group);
}

void retain_choose(struct retain_list *list, const struct retain_rules *rules,
		   struct retain_plan *ret)
{
	struct choice choice = { .list = list, .rules = rules };
	if (list->count > 0)
		qsort(list->files, list->count, sizeof(*list->files), by_group);
	find_links(list, &choice.links);
	judge_all(&choice);
	free(choice.links.items);
	if (choice.count > 0)
		qsort(choice.groups, choice.count, sizeof(*choice.groups),
		      by_time);
	size_t picked = 0;
	for (size_t i = 0; i < choice.count; i++) {
		struct retain_group group = choice.groups[i];
		if (!is_due(&choice, &group))
			continue;
		choice.size -= group.size;
		choice.groups[picked++] = group;
	}
	*ret = (struct retain_plan){
		.groups = choice.groups,
		.count = picked,
	};
}

void retain_plan_release(struct retain_plan *plan)
{
	free(plan->groups);
	*plan = (struct retain_plan){ .groups = NULL };
}

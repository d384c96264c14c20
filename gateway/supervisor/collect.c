/* collect.c — see collect.h. */
#include "collect.h"
#include "health.h"
#include "gw/log.h"

#include <string.h>

#define COLLECT_MS 1500
#define ROWS_MAX   20000
#define BYTES_MAX  (16u * 1024 * 1024)

struct gw_collect {
	struct gw_loop *loop;
	struct gw_sup *sup;
	void (*fn)(void *ctx, const json_t *doc);
	void *ctx;
	uint64_t started_ms; /* of gwd */
	uint64_t ask;        /* the round; rows of older ones are ignored */
	bool is_running;
	bool is_waiting[GW_CHILD_COUNT];
	bool has_answered[GW_CHILD_COUNT];
	json_t *rows;        /* object: section → array or object */
	size_t row_count, byte_count;
	bool is_truncated;
	struct gw_timer deadline;
	struct gw_task finisher;
};

/* Which child may speak of what. */
static const struct section {
	const char *name;
	int child;
	bool is_single; /* one object instead of a list */
} sections[] = {
	{ "dcs", GW_CHILD_KDC, false },
	{ "service", GW_CHILD_KDC, true },
	{ "kdc", GW_CHILD_KDC, true },
	{ "reasons", GW_CHILD_AUTH, false },
	{ "logins", GW_CHILD_AUTH, true },
	{ "sessions", GW_CHILD_AUTH, false },
	{ "auth", GW_CHILD_AUTH, true },
	{ "cas", GW_CHILD_AUTH, false },
	{ "past_cas", GW_CHILD_AUTH, false },
	{ "responders", GW_CHILD_AUTH, false },
	{ "lists", GW_CHILD_AUTH, false },
	{ "answers", GW_CHILD_AUTH, false },
	{ "revocation", GW_CHILD_AUTH, true },
	{ "listeners", GW_CHILD_PROXY, false },
	{ "upstreams", GW_CHILD_PROXY, false },
	{ "proxy", GW_CHILD_PROXY, true },
	{ "left_sessions", GW_CHILD_PROXY, false },
};

static const struct section *
find_section(const char *name, int child)
{
	for (size_t i = 0; i < GW_COUNT(sections); i++)
		if (strcmp(sections[i].name, name) == 0 &&
		    sections[i].child == child)
			return &sections[i];
	return NULL;
}

/* ---- rows */

static bool
is_current(const struct gw_collect *c, int child, uint64_t ask)
{
	return c->is_running && ask == c->ask && c->is_waiting[child];
}

/* Takes `row`. */
static void
add(struct gw_collect *c, const struct section *s, json_t *row)
{
	if (s->is_single)
		json_object_set_new(c->rows, s->name, row);
	else
		json_array_append_new(json_object_get(c->rows, s->name), row);
}

static void
on_row(void *ctx, int child, uint64_t ask, const char *section,
       const char *json)
{
	struct gw_collect *c = ctx;
	const struct section *s = find_section(section, child);
	json_t *row;

	if (!is_current(c, child, ask))
		return;
	c->byte_count += strlen(json);
	if (++c->row_count > ROWS_MAX || c->byte_count > BYTES_MAX) {
		c->is_truncated = true;
		return;
	}
	row = s != NULL ? json_loads(json, JSON_REJECT_DUPLICATES, NULL)
			: NULL;
	if (json_is_object(row)) {
		add(c, s, row);
		return;
	}
	json_decref(row);
	gw_event(GW_LOG_WARN, "status-row-refused", "section", section, NULL);
}

/* ---- the document */

static const char *
state_name(enum gw_child_state s)
{
	static const char *const names[] = {
		[GW_CS_OFF] = "off", [GW_CS_STARTING] = "starting",
		[GW_CS_UP] = "up", [GW_CS_WAITING] = "waiting to be restarted",
		[GW_CS_STOPPING] = "stopping",
	};

	return names[s];
}

static json_t *
process_of(const struct gw_collect *c, int child)
{
	struct gw_child_info i;

	gw_sup_info(c->sup, child, &i);
	return json_pack("{s:s, s:i, s:s, s:i, s:I, s:s, s:b}", "name",
			 i.name, "pid", (int)i.pid, "state",
			 state_name(i.state), "restarts", (int)i.restarts,
			 "uptime", (json_int_t)(i.uptime_ms / 1000),
			 "last_end", i.last_end, "answered",
			 (int)c->has_answered[child]);
}

static json_t *
find_titled(json_t *rows, const char *title)
{
	size_t i;
	json_t *row;

	json_array_foreach(rows, i, row) {
		const char *t = json_string_value(json_object_get(row,
								  "title"));

		if (t != NULL && strcmp(t, title) == 0)
			return row;
	}
	return NULL;
}

static json_t *
listener_of(const struct gw_setup *s, size_t i, time_t now)
{
	const struct gw_conf_listener *l = &s->conf.listeners[i];
	const struct gw_setup_listener *sl = &s->listeners[i];
	char address[GW_ADDR_TEXT];

	gw_addr_format(&sl->addr, address);
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "title",
			 l->title,
			 "address", address, "admission",
			 l->admission == GW_ADMIT_CERTIFICATE ? "certificate"
							      : "directory",
			 "certificate", sl->subject, "certificate_expires",
			 (json_int_t)sl->expires, "certificate_days_left",
			 (json_int_t)((sl->expires - now) / 86400 -
				      (sl->expires < now)),
			 "staple_until", (json_int_t)sl->staple_until);
}

/* What the supervisor itself knows of each listener, the proxy's counters
 * added; the proxy cannot overrule it nor invent listeners. */
static json_t *
listeners(const struct gw_collect *c, time_t now)
{
	const struct gw_setup *s = gw_sup_setup(c->sup);
	json_t *rows = json_object_get(c->rows, "listeners");
	json_t *out = json_array();

	for (size_t i = 0; i < s->conf.listener_count; i++) {
		json_t *l = listener_of(s, i, now);

		json_object_update_missing(l,
			find_titled(rows, s->conf.listeners[i].title));
		json_array_append_new(out, l);
	}
	return out;
}

static const char *
id_of(const json_t *row)
{
	const char *id = json_string_value(json_object_get(row, "id"));

	return id != NULL ? id : "";
}

/* Sessions of an earlier gwd-auth, which the proxy alone remembers, follow
 * those of this one; of these the proxy has no say. */
static void
join_left(json_t *doc)
{
	json_t *all = json_object_get(doc, "sessions");
	json_t *left = json_object_get(doc, "left_sessions"), *row;
	json_t *known = json_object();
	size_t i;

	json_array_foreach(all, i, row)
		json_object_set(known, id_of(row), row);
	json_array_foreach(left, i, row) {
		if (json_object_get(known, id_of(row)) != NULL)
			continue;
		json_object_set_new(row, "mapping",
				    json_string("an earlier gwd-auth"));
		json_array_append(all, row);
	}
	json_decref(known);
	json_object_del(doc, "left_sessions");
}

static json_t *
document(const struct gw_collect *c, time_t now)
{
	uint64_t up_ms = gw_loop_now_ms(c->loop) - c->started_ms;
	json_t *doc = json_pack("{s:s, s:I, s:I, s:b, s:[]}", "version",
				GWD_VERSION, "time", (json_int_t)now,
				"uptime", (json_int_t)(up_ms / 1000),
				"truncated", (int)c->is_truncated,
				"processes");
	json_t *problems = json_array();
	enum gw_health h;

	for (int i = 0; i < GW_CHILD_COUNT; i++)
		json_array_append_new(json_object_get(doc, "processes"),
				      process_of(c, i));
	json_object_update(doc, c->rows);
	join_left(doc);
	json_object_set_new(doc, "listeners", listeners(c, now));
	h = gw_health_judge(doc, problems);
	json_object_set_new(doc, "health", json_string(gw_health_name(h)));
	json_object_set_new(doc, "problems", problems);
	return doc;
}

/* ---- a round */

static void
finish(struct gw_collect *c)
{
	json_t *doc;

	gw_timer_stop(c->loop, &c->deadline);
	c->is_running = false;
	doc = document(c, time(NULL));
	json_decref(c->rows);
	c->rows = NULL;
	c->fn(c->ctx, doc);
	json_decref(doc);
}

static void
finish_if_complete(struct gw_collect *c)
{
	for (int i = 0; i < GW_CHILD_COUNT; i++)
		if (c->is_waiting[i])
			return;
	gw_loop_defer(c->loop, &c->finisher);
}

static void
on_end(void *ctx, int child, uint64_t ask)
{
	struct gw_collect *c = ctx;

	if (!is_current(c, child, ask))
		return;
	c->is_waiting[child] = false;
	c->has_answered[child] = true;
	finish_if_complete(c);
}

static void
on_gone(void *ctx, int child)
{
	struct gw_collect *c = ctx;

	if (!c->is_running || !c->is_waiting[child])
		return;
	c->is_waiting[child] = false;
	finish_if_complete(c);
}

static void
on_deadline(struct gw_timer *t)
{
	struct gw_collect *c = GW_CONTAINER(t, struct gw_collect, deadline);

	memset(c->is_waiting, 0, sizeof(c->is_waiting));
	finish(c);
}

static void
on_finisher(struct gw_task *t)
{
	struct gw_collect *c = GW_CONTAINER(t, struct gw_collect, finisher);

	if (c->is_running)
		finish(c);
}

void
gw_collect_begin(struct gw_collect *c)
{
	if (c->is_running)
		return;
	c->is_running = true;
	c->ask++;
	c->row_count = c->byte_count = 0;
	c->is_truncated = false;
	c->rows = json_object();
	for (size_t i = 0; i < GW_COUNT(sections); i++)
		json_object_set_new(c->rows, sections[i].name,
				    sections[i].is_single ? json_object()
							  : json_array());
	for (int i = 0; i < GW_CHILD_COUNT; i++) {
		c->has_answered[i] = false;
		c->is_waiting[i] = gw_sup_ask(c->sup, i, c->ask);
	}
	gw_timer_after(c->loop, &c->deadline, COLLECT_MS);
	finish_if_complete(c);
}

struct gw_collect *
gw_collect_new(struct gw_loop *l, struct gw_sup *sup,
	       void (*fn)(void *ctx, const json_t *doc), void *ctx)
{
	struct gw_collect *c = gw_xcalloc(1, sizeof(*c));

	c->loop = l;
	c->sup = sup;
	c->fn = fn;
	c->ctx = ctx;
	c->started_ms = gw_loop_now_ms(l);
	c->deadline.fn = on_deadline;
	c->finisher.fn = on_finisher;
	gw_sup_watch(sup, &(struct gw_sup_watch){ .ctx = c, .on_row = on_row,
						  .on_end = on_end,
						  .on_gone = on_gone });
	return c;
}

void
gw_collect_free(struct gw_collect *c)
{
	if (c == NULL)
		return;
	gw_sup_watch(c->sup, &(struct gw_sup_watch){ .ctx = NULL });
	gw_timer_stop(c->loop, &c->deadline);
	json_decref(c->rows);
	free(c);
}

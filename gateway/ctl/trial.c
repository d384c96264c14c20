/* trial.c — see trial.h. */
#include "trial.h"
#include "client.h"
#include "doc.h"
#include "pem.h"
#include "text.h"
#include "gw/admin.h"
#include "gw/moment.h"
#include "gw/util.h"

#include <string.h>
#include <unistd.h>

enum { ACCEPTED = 0, REFUSED = 1, UNUSABLE = 2 };

#define TIMEOUT_MS 32000 /* responders and DCs are asked */

struct options {
	const char *file, *listener;
	int64_t at;
	bool json;
};

static int
unusable(const char *what, const char *word)
{
	char safe[GW_CELL_MAX];

	gw_text_safe(word, GW_CELL_MAX - 1, safe);
	fprintf(stderr, "gwctl test-cert: %s%s\n", what, safe);
	return UNUSABLE;
}

/* ---- the words */

static bool
set_listener(struct options *o, const char *word)
{
	o->listener = word;
	return true;
}

static bool
set_at(struct options *o, const char *word)
{
	return gw_parse_moment(word, &o->at) && o->at > 0;
}

static const struct {
	const char *name;
	bool (*fn)(struct options *o, const char *word);
	const char *wrong;
} options[] = {
	{ "--listener", set_listener, "--listener: " },
	{ "--at", set_at, "--at: neither seconds nor RFC 3339: " },
};

/* How many words were taken; 0: a line was written. */
static int
take_option(struct options *o, const char *word, const char *value)
{
	for (size_t i = 0; i < GW_COUNT(options); i++) {
		if (strcmp(word, options[i].name) != 0)
			continue;
		if (value != NULL && options[i].fn(o, value))
			return 2;
		(void)unusable(options[i].wrong,
			       value != NULL ? value : "a value is missing");
		return 0;
	}
	if (strcmp(word, "--json") == 0) {
		o->json = true;
		return 1;
	}
	if ((word[0] == '-' && word[1] != '\0') || o->file != NULL) {
		(void)unusable("it takes one FILE, --listener NAME, --at TIME "
			       "and --json; not ", word);
		return 0;
	}
	o->file = word;
	return 1;
}

static bool
read_words(struct options *o, int argc, char **argv)
{
	for (int i = 0, n; i < argc; i += n) {
		n = take_option(o, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
		if (n == 0)
			return false;
	}
	if (o->file == NULL)
		(void)unusable("which FILE? A certificate in PEM form, its "
			       "CAs may follow", "");
	return o->file != NULL;
}

/* ---- asking */

/* The certificates alone. */
static char *
read_chain(const char *path)
{
	gw_auto(free) char *all = gw_pem_read(path);
	char *at = all, *block, *chain = gw_xstrdup(""), *more;

	while (all != NULL && (block = gw_pem_next(&at)) != NULL) {
		more = gw_xasprintf("%s%s", chain, block);
		free(chain);
		free(block);
		chain = more;
	}
	if (*chain != '\0' && strlen(chain) <= GW_ADMIN_PEM_MAX)
		return chain;
	if (all != NULL)
		(void)unusable("no certificate in PEM form, or too many: ",
			       path);
	free(chain);
	return NULL;
}

static bool
ask(const char *socket, const struct options *o, const char *chain,
    struct gw_reply *out)
{
	json_t *body = json_pack("{s:s, s:s, s:I}", "pem", chain, "listener",
				 o->listener, "at", (json_int_t)o->at);
	gw_auto(free) char *text = json_dumps(body, JSON_COMPACT);
	char why[GW_WHY_MAX];
	bool ok;

	json_decref(body);
	if (isatty(STDERR_FILENO))
		fputs("asking responders and domain controllers ...\r",
		      stderr);
	ok = gw_client_send(socket, "POST", "/v1/test-cert", text, TIMEOUT_MS,
			    out, why);
	if (isatty(STDERR_FILENO))
		fputs("\033[K", stderr);
	return ok || unusable("", why) == ACCEPTED;
}

/* ---- the answer for programs: that of --offline, and nothing more */

static void
copy(json_t *out, const json_t *in, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_object_set(out, keys[i], json_object_get(in, keys[i]));
}

static json_t *
plain_stages(const json_t *rows)
{
	static const char *const keys[] = { "stage", "ok", "reason", "detail",
					    "us" };
	json_t *out = json_array(), *one;
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		if (strcmp(gw_doc_text(row, "state"), "not reached") == 0)
			continue;
		one = json_object();
		copy(one, row, keys, GW_COUNT(keys));
		json_array_append_new(out, one);
	}
	return out;
}

static void
put_json(const json_t *report)
{
	static const char *const keys[] = { "accepted", "reason", "detail" };
	json_t *out = json_object();

	copy(out, report, keys, GW_COUNT(keys));
	json_object_set_new(out, "stages",
			    plain_stages(json_object_get(report, "stages")));
	(void)json_dumpf(out, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	putchar('\n');
	json_decref(out);
}

int
gw_ctl_trial(const char *socket, struct gw_style style, int argc, char **argv)
{
	struct options o = { .listener = "" };
	gw_auto(free) char *chain = NULL;
	struct gw_reply r;
	int status;

	if (!read_words(&o, argc, argv) ||
	    (chain = read_chain(o.file)) == NULL ||
	    !ask(socket, &o, chain, &r))
		return UNUSABLE;
	if (r.status != 200) {
		status = unusable("", *gw_doc_text(r.body, "detail") != '\0'
				  ? gw_doc_text(r.body, "detail")
				  : gw_doc_text(r.body, "error"));
		json_decref(r.body);
		return status;
	}
	if (o.json)
		put_json(r.body);
	else
		gw_view_trial(stdout, r.body, style);
	status = json_is_true(json_object_get(r.body, "accepted"))
			 ? ACCEPTED : REFUSED;
	json_decref(r.body);
	return status;
}

/* mkman.c — writes what the tables know for people: the keys of
 * gwd.conf(5), the reasons of gwd-errors(7), and the example gwd.conf. Runs
 * when gwd is built, so that they cannot drift from the program.
 *
 *	gw_mkman keys|errors < TEMPLATE    the line @TABLE@ is replaced
 *	gw_mkman example                   a gwd.conf with every key */
#include "gw/conf.h"
#include "gw/error.h"
#include "gw/util.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Columns; in roff a quote takes four characters. */
#define WIDTH      78
#define WIDTH_ROFF 66

/* ---- text as mdoc and as comments */

/* Backquotes become quotes, backslashes harmless. */
static void
put_roff(const char *s, size_t len, bool *is_open)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '`') {
			fputs(*is_open ? "\\(cq" : "\\(oq", stdout);
			*is_open = !*is_open;
		} else if (s[i] == '\\') {
			fputs("\\e", stdout);
		} else {
			putchar(s[i]);
		}
	}
}

static bool
ends_sentence(const char *word, size_t len)
{
	return len > 1 && strchr(".!?", word[len - 1]) != NULL &&
	       word[len - 2] != '.';
}

/* Lines of limited width, each begun with `lead`; with `is_roff` every
 * sentence on a line of its own, as mdoc wants it. */
static void
put_wrapped(const char *s, const char *lead, bool is_roff)
{
	size_t column = 0, len;
	size_t width = is_roff ? WIDTH_ROFF : WIDTH;
	bool is_quoting = false;
	size_t start = strlen(lead) + 7 * (strchr(lead, '\t') != NULL);

	for (; *(s += strspn(s, " ")) != '\0'; s += len) {
		len = strcspn(s, " ");
		if (column > 0 && column + 1 + len > width) {
			putchar('\n');
			column = 0;
		}
		fputs(column > 0 ? " " : lead, stdout);
		if (is_roff && column == 0 && strchr(".'", *s) != NULL)
			fputs("\\&", stdout);
		if (is_roff)
			put_roff(s, len, &is_quoting);
		else
			fwrite(s, 1, len, stdout);
		column += (column > 0 ? 1 : start) + len;
		if (is_roff && ends_sentence(s, len)) {
			putchar('\n');
			column = 0;
		}
	}
	if (column > 0)
		putchar('\n');
}

static void
put_duration(int64_t ms)
{
	static const struct { int64_t ms; const char *unit; } units[] = {
		{ 86400000, "d" }, { 3600000, "h" }, { 60000, "min" },
		{ 1000, "s" }, { 1, "ms" },
	};

	for (size_t i = 0; i < GW_COUNT(units); i++)
		if (ms != 0 && ms % units[i].ms == 0) {
			printf("%" PRId64 "%s", ms / units[i].ms,
			       units[i].unit);
			return;
		}
	fputs("0s", stdout);
}

/* ---- gwd.conf(5) */

static void
put_choices(const char *choices)
{
	for (size_t n; *choices != '\0'; choices += n) {
		n = strcspn(choices, "|");
		printf("%.*s", (int)n, choices);
		if (choices[n] == '\0')
			return;
		n++;
		fputs(strchr(choices + n, '|') != NULL ? ", " : " or ",
		      stdout);
	}
}

static void
put_type(const struct gw_conf_key *k)
{
	static const char *const names[] = {
		[GW_CT_BOOL] = "yes or no", [GW_CT_INT] = "a number",
		[GW_CT_MSEC] = "a duration", [GW_CT_STR] = "text",
		[GW_CT_LIST] = "a list", [GW_CT_ENUM] = "",
	};

	if (k->type == GW_CT_ENUM)
		put_choices(k->choices);
	else if ((k->flags & GW_CF_PATH) != 0)
		fputs("the path of a file", stdout);
	else
		fputs(names[k->type], stdout);
	if (k->type == GW_CT_INT)
		printf(" from %" PRId64 " to %" PRId64, k->lo, k->hi);
	if (k->type != GW_CT_MSEC)
		return;
	fputs(" from ", stdout);
	put_duration(k->lo);
	fputs(" to ", stdout);
	put_duration(k->hi);
}

static void
put_key(const struct gw_conf_key *k)
{
	printf(".It Ic %s\n", k->name);
	put_wrapped(k->doc, "", true);
	fputs("Takes ", stdout);
	put_type(k);
	if (k->dflt != NULL && *k->dflt != '\0')
		printf(";\ndefault\n.Ql %s .\n", k->dflt);
	else if ((k->flags & GW_CF_REQUIRED) != 0)
		fputs(";\nrequired.\n", stdout);
	else
		fputs(";\nempty by default.\n", stdout);
}

static void
put_section(const struct gw_conf_section *s)
{
	if (*s->name == '\0')
		puts(".Ss Top level");
	else
		printf(".Ss %s%s\n", s->name, s->is_titled ? " \"TITLE\"" : "");
	put_wrapped(s->doc, "", true);
	puts(".Bl -tag -width Ds");
	for (size_t i = 0; i < s->key_count; i++)
		put_key(&s->keys[i]);
	puts(".El");
}

static void
put_keys(void)
{
	for (size_t i = 0; i < gw_conf_section_count; i++)
		put_section(&gw_conf_sections[i]);
}

/* ---- gwd-errors(7) */

static void
put_error(enum gw_err code)
{
	printf(".It Ic %s Pq HTTP %d\n", gw_err_name(code),
	       gw_err_http_status(code));
	put_wrapped(gw_err_cause(code), "", true);
	puts(".br\nUsers read:");
	put_wrapped(gw_err_user_text(code), "", true);
	puts(".br\nCure:");
	put_wrapped(gw_err_cure(code), "", true);
}

/* One list per stage; the names of a stage may stand apart in the list. */
static void
put_stage(const char *stage)
{
	char other[16];

	printf(".Ss %s\n.Bl -tag -width Ds\n", stage);
	for (int i = GW_ERR_OK + 1; i < GW_ERR_COUNT; i++) {
		gw_err_stage((enum gw_err)i, other);
		if (strcmp(stage, other) == 0)
			put_error((enum gw_err)i);
	}
	puts(".El");
}

static bool
is_first_of_stage(int code, const char *stage)
{
	char other[16];

	for (int i = GW_ERR_OK + 1; i < code; i++) {
		gw_err_stage((enum gw_err)i, other);
		if (strcmp(stage, other) == 0)
			return false;
	}
	return true;
}

static void
put_errors(void)
{
	char stage[16];

	for (int i = GW_ERR_OK + 1; i < GW_ERR_COUNT; i++) {
		gw_err_stage((enum gw_err)i, stage);
		if (is_first_of_stage(i, stage))
			put_stage(stage);
	}
}

/* ---- the example */

/* What a site must fill in, and what makes the example readable. */
static const struct example { const char *section, *key, *value; } given[] = {
	{ "directory", "realm", "\"CORP.EXAMPLE.COM\"" },
	{ "directory", "domain", "\"corp.example.com\"" },
	{ "directory", "service_account", "\"svc-gwd\"" },
	{ "directory", "keytab", "\"/etc/gwd/svc-gwd.keytab\"" },
	{ "ca", "", "corp" },
	{ "ca", "file", "\"/etc/gwd/corp-ca.pem\"" },
	{ "upstream", "", "broker" },
	{ "upstream", "servers", "{ \"192.0.2.10:8080\" }" },
	{ "listener", "", "main" },
	{ "listener", "address", "\"0.0.0.0:443\"" },
	{ "listener", "certificate", "\"/etc/gwd/gateway.pem\"" },
	{ "listener", "key", "\"/etc/gwd/gateway.key\"" },
	{ "listener", "upstream", "\"broker\"" },
	{ "listener", "require_group", "{ \"VDI Users\" }" },
	{ "identity", "", "rsa" },
	{ "identity", "certificate", "\"/etc/gwd/gateway-rsa.pem\"" },
	{ "identity", "key", "\"/etc/gwd/gateway-rsa.key\"" },
	{ "route", "", "/admin" },
	{ "route", "upstream", "\"broker\"" },
};

static const char *
given_value(const char *section, const char *key)
{
	for (size_t i = 0; i < GW_COUNT(given); i++)
		if (strcmp(given[i].section, section) == 0 &&
		    strcmp(given[i].key, key) == 0)
			return given[i].value;
	return NULL;
}

static void
put_default(const struct gw_conf_key *k)
{
	const char *d = k->dflt != NULL ? k->dflt : "";

	if (k->type == GW_CT_LIST)
		fputs("{}", stdout);
	else if (k->type == GW_CT_STR || k->type == GW_CT_ENUM)
		printf("\"%s\"", d);
	else
		fputs(d, stdout);
}

/* "# " begins words, "#" without a blank a line that can be put to use. */
static void
put_example_key(const struct gw_conf_section *s, const struct gw_conf_key *k,
		const char *indent, const char *off)
{
	const char *value = given_value(s->name, k->name);
	char lead[32];

	gw_format(lead, sizeof(lead), "%s# ", indent);
	put_wrapped(k->doc, lead, false);
	printf("%s%s%s = ", indent, value == NULL ? "#" : off, k->name);
	if (value != NULL)
		fputs(value, stdout);
	else
		put_default(k);
	putchar('\n');
}

static void
put_example_section(const struct gw_conf_section *s, const char *outer,
		    const char *off)
{
	const char *title = given_value(s->name, "");
	char indent[8] = "", lead[32];

	if (*s->name != '\0') {
		gw_format(indent, sizeof(indent), "%s\t", outer);
		gw_format(lead, sizeof(lead), "%s# ", outer);
		putchar('\n');
		put_wrapped(s->doc, lead, false);
		printf("%s%s%s %s%s%s{\n", outer, off, s->name,
		       title != NULL ? "\"" : "", title != NULL ? title : "",
		       title != NULL ? "\" " : "");
	}
	for (size_t i = 0; i < s->key_count; i++)
		put_example_key(s, &s->keys[i], indent, off);
	for (size_t i = 0; i < gw_conf_section_count; i++)
		if (gw_conf_sections[i].parent != NULL &&
		    strcmp(gw_conf_sections[i].parent, s->name) == 0)
			put_example_section(&gw_conf_sections[i], indent, "#");
	if (*s->name != '\0')
		printf("%s%s}\n", outer, off);
}

static void
put_example(void)
{
	fputs("# gwd.conf -- configuration of the gateway; see gwd.conf(5).\n"
	      "#\n"
	      "# Lines that begin with # and no blank show a key with its "
	      "default. What stands\n"
	      "# without # must be adapted to the site. Check with: gwd -t\n"
	      "\n", stdout);
	for (size_t i = 0; i < gw_conf_section_count; i++)
		if (gw_conf_sections[i].parent == NULL)
			put_example_section(&gw_conf_sections[i], "", "");
}

/* ---- which of them */

static void
fill_template(void (*table)(void))
{
	char line[4096];

	while (fgets(line, sizeof(line), stdin) != NULL)
		if (strcmp(line, "@TABLE@\n") == 0)
			table();
		else
			fputs(line, stdout);
}

int
main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";

	if (strcmp(what, "keys") == 0)
		fill_template(put_keys);
	else if (strcmp(what, "errors") == 0)
		fill_template(put_errors);
	else if (strcmp(what, "example") == 0)
		put_example();
	else
		return 2;
	return fflush(stdout) == 0 ? 0 : 1;
}

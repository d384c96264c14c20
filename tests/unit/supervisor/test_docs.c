/* test_docs.c — what people read agrees with what the program knows: the
 * example configuration, its defaults, the manual pages. */
#include "readconf.h"
#include "section.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char *
slurp(FILE *f)
{
	char *text = gw_xcalloc(262144, 1);

	cr_assert_not_null(f);
	text[fread(text, 1, 262143, f)] = '\0';
	return text;
}

static char *
file_text(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = slurp(f);

	fclose(f);
	return text;
}

static char *
output_of(const char *command, int *status)
{
	FILE *f = popen(command, "re");
	char *text = slurp(f);

	*status = pclose(f);
	return text;
}

Test(docs, example_is_the_generated_one)
{
	int status;
	char *made = output_of(MKMAN_EXE " example", &status);
	char *kept = file_text(SOURCE_DIR "/deploy/conf/gwd.conf");

	cr_expect_eq(status, 0);
	cr_expect_str_eq(kept, made,
			 "run: gw_mkman example > deploy/conf/gwd.conf");
	free(made);
	free(kept);
}

static void
reads(const char *text, struct gw_conf *conf)
{
	char path[] = "/tmp/gwd-test-XXXXXX";
	int fd = mkstemp(path);
	struct gw_complaint c;
	struct gw_source src;

	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	cr_expect(gw_readconf(path, conf, &src, &c), "line %d: %s", c.line,
		  c.text);
	gw_source_clear(&src);
	unlink(path);
}

/* Puts every line that begins with # and no blank to use. */
static void
uncomment(char *text)
{
	bool at_start = true;

	for (char *p = text; *p != '\0'; p++) {
		if (at_start && p[0] == '#' && p[1] != ' ' && p[1] != '\n')
			*p = ' ';
		at_start = *p == '\n' || (at_start && *p == '\t');
	}
}

/* The defaults shown are accepted, and are the ones of the program. */
Test(docs, defaults_shown_are_the_defaults)
{
	char *text = file_text(SOURCE_DIR "/deploy/conf/gwd.conf");
	struct gw_conf sparse, full;
	uint8_t a[4096], b[4096];

	reads(text, &sparse);
	uncomment(text);
	reads(text, &full);
	cr_expect_eq(sparse.route_count, 0);
	cr_expect_eq(full.route_count, 1);
	for (size_t i = 0; i < gw_conf_section_count; i++) {
		const struct gw_conf_section *s = &gw_conf_sections[i];
		struct gw_wr wa = gw_wr_init(a, sizeof(a));
		struct gw_wr wb = gw_wr_init(b, sizeof(b));

		if (gw_section_count(&sparse, s) == 0)
			continue;
		gw_conf_encode(&wa, s, gw_section_at(&sparse, s, 0));
		gw_conf_encode(&wb, s, gw_section_at(&full, s, 0));
		cr_expect(wa.len == wb.len && memcmp(a, b, wa.len) == 0,
			  "section '%s'", s->name);
	}
	gw_conf_clear(&sparse);
	gw_conf_clear(&full);
	free(text);
}

Test(docs, every_key_is_in_the_manual)
{
	char *page = file_text(MAN_DIR "/gwd.conf.5");

	for (size_t i = 0; i < gw_conf_section_count; i++)
		for (size_t j = 0; j < gw_conf_sections[i].key_count; j++) {
			const struct gw_conf_key *k =
				&gw_conf_sections[i].keys[j];
			char item[80];

			gw_format(item, sizeof(item), "\n.It Ic %s\n",
				  k->name);
			cr_expect_not_null(strstr(page, item), "%s", k->name);
			cr_expect_gt(strlen(k->doc), 10, "%s", k->name);
		}
	free(page);
}

Test(docs, every_error_is_in_the_manual)
{
	char *page = file_text(MAN_DIR "/gwd-errors.7");

	for (int i = GW_ERR_OK + 1; i < GW_ERR_COUNT; i++) {
		char item[80];

		gw_format(item, sizeof(item), "\n.It Ic %s Pq",
			  gw_err_name((enum gw_err)i));
		cr_expect_not_null(strstr(page, item), "%s", item);
	}
	free(page);
}

Test(docs, manual_pages_are_clean)
{
	int status;
	char *out = output_of(
		"mandoc -T lint -W warning " MAN_DIR "/gwd.conf.5 " MAN_DIR
		"/gwd-errors.7 " SOURCE_DIR "/deploy/man/gwd.8 " SOURCE_DIR
		"/deploy/man/gwctl.8 2>&1", &status);

	if (access("/usr/bin/mandoc", X_OK) == 0)
		cr_expect_eq(status, 0, "%s", out);
	free(out);
}

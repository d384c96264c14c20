/* test_ctl_settings.c — the options of gwctl ca register and ca update: the
 * keys of section `ca`, all of them and nothing else, on their way from the
 * command line to the message gwd-auth gets. */
#include "change.h"
#include "settings.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct gw_settings s;
static struct gw_error err;

static const char *const no_options[] = {
	"--file", "--title", "--ocsp_url", "-ocsp-url", "ocsp-url", "--", "",
	"--OCSP-URL", "--ocsp-url=", "--crl-dir", "--ocsp-url ",
	"--a-key-that-is-longer-than-any-key-can-be",
};

Test(ctl_settings, no_options)
{
	for (size_t i = 0; i < GW_COUNT(no_options); i++)
		cr_expect_not(gw_ctl_is_setting(no_options[i]), "%s",
			      no_options[i]);
}

static const struct wrong_case {
	const char *word, *value, *words;
} wrongs[] = {
	{ "--relax", "all", "relax: 'all' is not one of" },
	{ "--max-depth", "9", "max_depth: 9 is out of range" },
	{ "--check-intermediates", "perhaps", "is not yes or no" },
	{ "--ocsp-url", "ftp://x/", "ocsp_url: 'ftp://x/' is not" },
	{ "--crl", "relative.crl", "crl: 'relative.crl' is neither" },
	{ "--require-eku", "clientAuth", "require_eku: 'clientAuth'" },
};

Test(ctl_settings, wrong_values)
{
	for (size_t i = 0; i < GW_COUNT(wrongs); i++) {
		s = (struct gw_settings){ .count = 0 };
		cr_assert_eq(gw_ctl_add_setting(&s, wrongs[i].word,
						wrongs[i].value, &err),
			     GW_ERR_OK);
		cr_expect_eq(gw_ctl_check_settings(&s, &err), GW_ERR_CONF,
			     "%s %s", wrongs[i].word, wrongs[i].value);
		cr_expect_not_null(strstr(err.detail, wrongs[i].words), "%s",
				   err.detail);
	}
}

Test(ctl_settings, too_long)
{
	char value[GW_SETTING_VALUE_MAX + 1];

	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	cr_expect_eq(gw_ctl_add_setting(&s, "--crl", value, &err),
		     GW_ERR_CONF);
	cr_expect_not_null(strstr(err.detail, "crl: more than"), "%s",
			   err.detail);
}

/* Every key has its option, and --help its sentence. */
Test(ctl_settings, help_has_every_key)
{
	const struct gw_conf_section *ca = gw_conf_section("ca");
	char *page = NULL, option[64];
	size_t len = 0;
	FILE *f = open_memstream(&page, &len);

	gw_ctl_settings_help(f, 100000);
	fclose(f);
	for (size_t i = 0; i < ca->key_count; i++) {
		const struct gw_conf_key *k = &ca->keys[i];
		bool is_option = strcmp(k->name, "file") != 0;

		gw_format(option, sizeof(option), "--%s", k->name);
		for (char *p = option; *p != '\0'; p++)
			*p = *p == '_' ? '-' : *p;
		cr_expect_eq(gw_ctl_is_setting(option), is_option, "%s",
			     option);
		cr_expect_eq(strstr(page, option) != NULL, is_option, "%s",
			     option);
		cr_expect_eq(strstr(page, k->doc) != NULL, is_option, "%s",
			     option);
	}
	free(page);
}

/* From gwctl's body to gwd's message: the same keys, the same values. */
Test(ctl_settings, to_the_message)
{
	static const char *const words[][2] = {
		{ "--relax", "ca-eku" }, { "--relax", "lenient" },
		{ "--ocsp-url", "" }, { "--ntauth", "yes" },
	};
	struct gw_admin m = { .verb = GW_ADMIN_CA_UPDATE };
	json_t *body = json_object(), *keep = NULL;
	char *text;

	for (size_t i = 0; i < GW_COUNT(words); i++)
		cr_assert_eq(gw_ctl_add_setting(&s, words[i][0], words[i][1],
						&err), GW_ERR_OK);
	cr_assert_eq(gw_ctl_check_settings(&s, &err), GW_ERR_OK, "%s",
		     err.detail);
	json_object_set_new(body, "settings", gw_ctl_settings_json(&s));
	text = json_dumps(body, 0);
	cr_expect_null(gw_change_read(text, strlen(text), &m, &keep));
	cr_expect(m.settings.count == s.count && m.settings.len == s.len &&
		  memcmp(m.settings.text, s.text, s.len) == 0, "%s", text);
	free(text);
	json_decref(body);
	json_decref(keep);
}

static const struct body_case {
	const char *body, *words;
} bodies[] = {
	{ "{\"ocsp_url\":\"http://x/\"}", "the body is an object" },
	{ "{\"settings\":[]}", "settings is an object" },
	{ "{\"settings\":{\"colour\":\"blue\"}}", "no such key" },
	{ "{\"settings\":{\"file\":\"/x\"}}", "no such key" },
	{ "{\"settings\":{\"max_depth\":3}}", "a value is a string" },
	{ "{\"settings\":{\"crl\":[\"/a\",null]}}", "a value is a string" },
	{ "{\"settings\":{\"ntauth\":\"yes\",\"ntauth\":\"no\"}}",
	  "the body is an object" },
	{ "{\"settings\":{\"crl\":\"a\\u0000b\"}}",
	  "the body is an object" },
};

Test(ctl_settings, wrong_bodies)
{
	for (size_t i = 0; i < GW_COUNT(bodies); i++) {
		struct gw_admin m = { .verb = GW_ADMIN_CA_UPDATE };
		json_t *keep = NULL;
		const char *wrong = gw_change_read(bodies[i].body,
						   strlen(bodies[i].body), &m,
						   &keep);

		cr_expect(wrong != NULL &&
			  strstr(wrong, bodies[i].words) != NULL, "%s: %s",
			  bodies[i].body, wrong != NULL ? wrong : "taken");
		json_decref(keep);
	}
}

/* A plain value and an empty list will do as well. */
Test(ctl_settings, other_forms)
{
	static const char body[] =
		"{\"settings\":{\"crl\":[],\"max_depth\":\"2\"}}";
	struct gw_admin m = { .verb = GW_ADMIN_CA_UPDATE };
	json_t *keep = NULL;

	cr_expect_null(gw_change_read(body, strlen(body), &m, &keep));
	cr_expect_eq(m.settings.count, 2);
	cr_expect_eq(m.settings.len, sizeof("crl\0\0max_depth\0" "2"));
	json_decref(keep);
}

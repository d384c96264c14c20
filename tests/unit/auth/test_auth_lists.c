/* Revocation lists on the ladder: fetched, kept, replaced, and their deltas. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gw/memfd.h"
#include "gw/util.h"
#include "ladder.h"

TestSuite(lists, .init = ladder_setup, .fini = ladder_teardown);

static void
write_list(const char *name, const struct list *l, char out[128])
{
	size_t len;
	uint8_t *der = list_make(l, &len);
	FILE *f;

	snprintf(out, 128, "%s/%s", files, name);
	f = fopen(out, "w");
	cr_assert(f != NULL && fwrite(der, 1, len, f) == len);
	fclose(f);
	OPENSSL_free(der);
}

Test(lists, listed_is_revoked)
{
	struct waiter w;

	only_crl("http://l/1", NULL);
	cr_expect_not(ask("good", &w));
	cr_assert_eq(asked_count, 1);
	cr_expect_str_eq(asked[0]->url, "http://l/1");
	give_list(0, LIST(.revoked = { "good" }));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED, "%s", w.res.detail);
	cr_expect_not_null(strstr(w.res.source, "http://l/1"));
	cr_expect(ask("good", &w), "the list is here");
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED);
	cr_expect(ask("second", &w));
	cr_expect_eq(w.res.code, GW_ERR_OK, "%s", w.res.detail);
	cr_expect_eq(asked_count, 1);
}

static const struct {
	const char *what;
	struct list list;
	enum gw_err want;
} unfit[] = {
	{ "another CA's", { .issuer = "other-issuing" },
	  GW_ERR_REVOCATION_UNAVAILABLE },
	{ "another key's", { .key = "other-issuing" },
	  GW_ERR_REVOCATION_SIGNER },
	{ "over", { .this = -7200, .next = -3600 }, GW_ERR_REVOCATION_STALE },
	{ "of the future", { .this = 3600, .next = 7200 },
	  GW_ERR_REVOCATION_UNAVAILABLE },
	{ "a delta alone", { .base = 1, .number = 2 },
	  GW_ERR_REVOCATION_UNAVAILABLE },
};

Test(lists, unfit_lists)
{
	for (size_t i = 0; i < GW_COUNT(unfit); i++) {
		char url[32];
		struct waiter w;

		asked_count = 0;
		snprintf(url, sizeof(url), "http://l/%zu", i);
		only_crl(url, NULL);
		close_all();
		open_all();
		cr_expect_not(ask("good", &w));
		give_list(0, &unfit[i].list);
		await(&w);
		cr_expect_neq(w.res.code, GW_ERR_OK, "%s", unfit[i].what);
		cr_expect_eq(w.res.code, unfit[i].want, "%s: %s: %s",
			     unfit[i].what, gw_err_name(w.res.code),
			     w.res.detail);
	}
}

Test(lists, garbage_is_no_list)
{
	struct waiter w;
	struct gw_fetch *f;

	only_crl("http://l/1", NULL);
	cr_expect_not(ask("good", &w));
	f = asked[0];
	cr_assert_eq(write(f->fd, "<html>", 6), 6);
	f->fn(f->arg, &(struct gw_fetched){ .len = 6 });
	free(f);
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE);
	cr_expect_not_null(strstr(w.res.detail, "CRL"), "%s", w.res.detail);
	cr_expect(ask("good", &w), "not asked again at once");
	cr_expect_eq(asked_count, 1);
}

Test(lists, the_next_place)
{
	struct waiter w;

	only_crl("http://l/1", "http://l/2");
	cr_expect_not(ask("good", &w));
	break_off(0, "HTTP 404 Not Found");
	cr_assert_eq(asked_count, 2);
	cr_expect_str_eq(asked[1]->url, "http://l/2");
	give_list(1, LIST(.revoked = { "second" }));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_OK, "%s", w.res.detail);
}

Test(lists, ocsp_then_lists)
{
	struct waiter w;

	only_crl("http://l/1", NULL);
	ca.revocation.n = 0;
	cr_expect_not(ask("good", &w));
	cr_expect_str_eq(asked[0]->url, "http://r/");
	give(0, UNKNOWN);
	cr_assert_eq(asked_count, 2);
	give_list(1, LIST(.revoked = { "second" }));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_OK);
	cr_expect_str_eq(w.res.source, "http://l/1");
}

/* With lists first, a responder stands in until there is a list. */
Test(lists, lists_then_ocsp)
{
	static const char *const both[] = { "crl", "ocsp" };
	struct waiter w;

	only_crl("http://l/1", NULL);
	ca.revocation = (struct gw_strlist){ (char **)(uintptr_t)both, 2 };
	cr_expect_not(ask("good", &w));
	break_off(0, "HTTP 500");
	give(1, FINE);
	cr_expect_eq(w.res.code, GW_ERR_OK);
	cr_expect(ask("good", &w));
	cr_expect_str_eq(w.res.source, "cached");
	gw_crl_store_announce(lists, "http://l/1", vec("issuing"));
	cr_assert_eq(asked_count, 3);
	give_list(2, LIST(.revoked = { "good" }));
	for (int i = 0; i < 1000 && gw_crl_store_get(lists, "http://l/1") ==
					   NULL; i++)
		turn();
	cr_expect(ask("good", &w), "the list is here");
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED);
}

Test(lists, distribution_points)
{
	struct waiter w;

	only_crl(NULL, NULL);
	cr_expect_not(ask("cdp", &w));
	cr_assert_eq(asked_count, 1);
	cr_expect_str_eq(asked[0]->url, "http://lists.example/one.crl");
	break_off(0, "HTTP 500");
	cr_expect_eq(strncmp(ldap_url, "ldap:///CN=two", 14), 0, "%s",
		     ldap_url);
	gw_crl_store_arrived(lists, ldap_id + 7, "not this one", -1);
	cr_expect_eq(w.told, 0);
	gw_crl_store_arrived(lists, ldap_id, "no such object", -1);
	cr_expect_eq(w.told, 1);
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE);
	cr_expect_not_null(strstr(w.res.detail, "no such object"));
}

Test(lists, list_of_the_directory)
{
	struct waiter w;
	struct gw_error err;
	size_t len;
	uint8_t *der = list_make(LIST(.revoked = { "cdp" }), &len);
	int fd;

	only_crl(NULL, NULL);
	cr_expect_not(ask("cdp", &w));
	break_off(0, "HTTP 500");
	cr_assert_eq(gw_memfd_new(der, len, &fd, &err), GW_ERR_OK);
	gw_crl_store_arrived(lists, ldap_id, NULL, fd);
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED, "%s", w.res.detail);
	OPENSSL_free(der);
}

/* gwd-kdc cannot answer for a server. */
Test(lists, nobody_asked_the_directory)
{
	struct waiter w;
	struct gw_error err;
	size_t len;
	uint8_t *der = list_make(LIST(.this = -10, .next = 9000), &len);
	int fd;

	only_crl("http://l/1", NULL);
	cr_expect_not(ask("good", &w));
	for (uint64_t id = 0; id < 2; id++) {
		cr_assert_eq(gw_memfd_new(der, len, &fd, &err), GW_ERR_OK);
		gw_crl_store_arrived(lists, id, NULL, fd);
	}
	give_list(0, LIST(.revoked = { "good" }));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED, "%s", w.res.detail);
	OPENSSL_free(der);
}

Test(lists, the_directory_is_away)
{
	struct waiter w;

	ldap_is_there = false;
	only_crl(NULL, NULL);
	cr_expect_not(ask("cdp", &w));
	break_off(0, "HTTP 500");
	cr_expect_eq(w.told, 1);
	cr_expect_not_null(strstr(w.res.detail, "gwd-kdc"), "%s",
			   w.res.detail);
}

Test(lists, list_in_a_file)
{
	struct waiter w;
	char path[128];

	write_list("a.crl", LIST(.revoked = { "good" }), path);
	only_crl(path, NULL);
	cr_expect_not(ask("good", &w));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED, "%s", w.res.detail);
	cr_expect_eq(asked_count, 0);
}

Test(lists, files_only_from_their_directory)
{
	static const char *const bad[] = { "/etc/passwd", NULL, NULL };
	char up[128], none[128];
	struct waiter w;

	snprintf(up, sizeof(up), "%s/../etc/passwd", files);
	snprintf(none, sizeof(none), "%s/none", files);
	for (size_t i = 0; i < 3; i++) {
		only_crl(i == 0 ? bad[0] : i == 1 ? up : none, NULL);
		cr_expect(ask("good", &w), "%zu", i);
		cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE);
		cr_expect_not_null(strstr(w.res.detail, i < 2 ? "crl_dir"
							: "cannot open"),
				   "%s", w.res.detail);
	}
}

static void
give_base_and_delta(const struct list *delta, struct waiter *w)
{
	only_crl("http://l/base", NULL);
	cr_expect_not(ask("good", w));
	give_list(0, LIST(.revoked = { "second" }, .number = 5,
			  .deltas_at = "http://l/delta"));
	await_question(2);
	cr_expect_str_eq(asked[1]->url, "http://l/delta");
	if (delta != NULL)
		give_list(1, delta);
	else
		break_off(1, "HTTP 404");
	await(w);
}

Test(lists, delta_revokes)
{
	struct waiter w;

	give_base_and_delta(LIST(.revoked = { "good" }, .number = 6,
				 .base = 5), &w);
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED, "%s", w.res.detail);
}

Test(lists, delta_takes_back)
{
	struct waiter w;

	give_base_and_delta(LIST(.removed = "second", .number = 6,
				 .base = 5), &w);
	cr_expect_eq(w.res.code, GW_ERR_OK, "%s", w.res.detail);
	cr_expect(ask("second", &w));
	cr_expect_eq(w.res.code, GW_ERR_OK, "%s", w.res.detail);
}

Test(lists, without_its_delta_a_list_stands)
{
	struct waiter w;

	give_base_and_delta(NULL, &w);
	cr_expect_eq(w.res.code, GW_ERR_OK, "%s", w.res.detail);
}

Test(lists, survives_a_restart)
{
	struct waiter w;
	char cmd[128];

	only_crl("http://l/1", NULL);
	cr_expect_not(ask("good", &w));
	give_list(0, LIST(.revoked = { "good" }));
	await(&w);
	close_all();
	/* as if written at the time it is here */
	snprintf(cmd, sizeof(cmd), "touch -d @%d %s/*.crl", NOW, dir);
	cr_assert_eq(system(cmd), 0);
	open_all();
	cr_expect_not(ask("good", &w));
	await(&w);
	cr_expect_eq(asked_count, 1, "it was read from disk");
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED);
}

/* A CA put back from a backup knows less than it did. While the list before
 * has not ended, it is the one that counts. */
Test(lists, list_numbers_do_not_go_back)
{
	struct waiter w;

	only_crl("http://l/1", NULL);
	cr_expect_not(ask("good", &w));
	give_list(0, LIST(.revoked = { "good" }, .number = 7, .this = -100,
			  .next = 50));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED);
	now = NOW + 60;
	cr_expect_not(ask("good", &w));
	now = NOW + 40; /* not over after all */
	give_list(1, LIST(.number = 6, .this = -20, .next = 9000));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED);
	cr_expect_not_null(strstr(gw_crl_store_why(lists, "http://l/1"),
				  "number"));
	close_all();
	open_all();
	now = NOW + 60;
	cr_expect_not(ask("good", &w), "the list on disk is over");
	await_question(3);
	give_list(2, LIST(.number = 6, .this = -20, .next = 9000));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_OK, "%s", w.res.detail);
	now = NOW;
}

/* Whoever sits on the way can neither rewind a list nor swap it. */
Test(lists, no_way_back)
{
	struct waiter w;

	only_crl("http://l/1", NULL);
	conf.crl_refresh_ms = 1000;
	cr_expect_not(ask("good", &w));
	give_list(0, LIST(.revoked = { "good" }, .this = -100, .next = 50));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED);
	now = NOW + 60; /* over */
	cr_expect_not(ask("good", &w));
	give_list(1, LIST(.this = -200, .next = 9000));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_STALE, "%s",
		     w.res.detail);
	now = NOW;
}

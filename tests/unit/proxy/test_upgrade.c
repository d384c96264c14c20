/* test_upgrade.c — requests that become tunnels, and the gateway's last word in
 * them. How tunnels end else is for test_tunnel.c. */
#include "rig.h"
#include "talk.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

TestSuite(upgrade, .timeout = 300);

static const struct rig_answer allow = { .reason = GW_ERR_OK };

Test(upgrade, tunnel)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *status;

	rig_answer(r, &allow);
	open_tunnel(r, &c);
	for (int i = 0; i < 10; i++) {
		rig_send(&c, "ping");
		expect(&c, "ping");
	}
	status = rig_status(r);
	cr_assert(strstr(status, "\"tunnels\":1,") != NULL, "%s", status);
	free(status);
	/* half-close: the server has a last word */
	SSL_shutdown(c.ssl);
	expect(&c, " bye");
	cr_assert(rig_is_closed(&c));
	rig_close(&c);
	cr_assert_eq(rig_leaves(r, 1), 1);
	rig_stop(r);
}

Test(upgrade, tunnel_bulk)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	uint8_t block[16384], back[16384];
	size_t got;

	rig_answer(r, &allow);
	open_tunnel(r, &c);
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = rig_byte(i);
	for (int i = 0; i < 500; i++) {
		rig_send_bytes(&c, block, sizeof(block));
		for (got = 0; got < sizeof(back);) {
			int n = rig_recv(&c, back + got, sizeof(back) - got);

			cr_assert(n > 0);
			got += (size_t)n;
		}
		cr_assert(memcmp(block, back, sizeof(block)) == 0);
	}
	rig_close(&c);
	rig_stop(r);
}

Test(upgrade, tunnel_not_wanted)
{
	static const struct rig_key keys[] = {
		{ "upstream", "websocket", "no" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c;
	char *body;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, UPGRADE);
	cr_assert_eq(rig_response(&c, NULL, &body, NULL), 200);
	cr_assert_str_eq(body, "not upgraded");
	free(body);
	rig_close(&c);
	rig_stop(r);
}

/* RFC 6455 4.1; another protocol may begin as it likes. */
Test(upgrade, websocket_begins_with_get)
{
	static const char *const texts[] = {
		"POST /frames/whole", "PUT /frames/whole", "BREW /frames/whole",
	};
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char text[256];

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(texts); i++) {
		cr_assert(rig_connect(r, &c, 0));
		snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: h\r\n"
			 "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
			 texts[i]);
		rig_send(&c, text);
		/* the played server switches all the same */
		cr_assert_eq(rig_response(&c, NULL, NULL, NULL), 502, "%s",
			     texts[i]);
		rig_close(&c);
	}
	rig_stop(r);
}

/* Whether it lasts for two rests, each of them shorter than the limit; then it
 * must end by itself. */
static bool
lasts(struct rig *r)
{
	struct rig_client c;
	char byte = '\0';
	bool yes = true;

	open_tunnel(r, &c);
	for (int i = 0; i < 2 && yes; i++) {
		usleep(700000);
		rig_send(&c, "x");
		yes = rig_recv(&c, &byte, 1) == 1 && byte == 'x';
	}
	cr_assert(rig_is_closed(&c));
	rig_close(&c);
	return yes;
}

/* Five tries: a busy machine may take a longer rest than was meant. */
Test(upgrade, tunnel_rests_too_long)
{
	static const struct rig_key keys[] = {
		{ "listener", "tunnel_timeout", "1s" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	bool has_lasted = false;

	rig_answer(r, &allow);
	for (int i = 0; i < 5 && !has_lasted; i++)
		has_lasted = lasts(r);
	cr_assert(has_lasted);
	rig_stop(r);
}

/* ---- a last word to WebSocket clients (RFC 6455 5.5.1) */

#define POLICY(reason, len) "\x88" len "\x03\xf0" reason

static int
ask_frames(struct rig *r, struct rig_client *c, const char *how,
	   const char *protocol)
{
	char text[256];

	cr_assert(rig_connect(r, c, 0));
	snprintf(text, sizeof(text), "GET /frames/%s HTTP/1.1\r\nHost: h\r\n"
		 "Connection: Upgrade\r\nUpgrade: %s\r\n\r\n", how, protocol);
	rig_send(c, text);
	return rig_response(c, NULL, NULL, NULL);
}

static void
open_frames(struct rig *r, struct rig_client *c, const char *how)
{
	bool is_other = strcmp(how, "other") == 0;

	cr_assert_eq(ask_frames(r, c, how, is_other ? "frames" : "WEBSOCKET"),
		     101, "%s", how);
}

/* The server switches to what nobody asked for. */
Test(upgrade, tunnel_of_another_kind)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	cr_assert_eq(ask_frames(r, &c, "other", "websocket"), 502);
	rig_close(&c);
	cr_assert_eq(ask_frames(r, &c, "whole", "frames"), 502);
	rig_close(&c);
	rig_stop(r);
}

/* All that comes, and the end. */
static void
expect_last(struct rig_client *c, const char *what, const char *want,
	    size_t len)
{
	char buf[256];
	size_t got = 0;
	int n;

	while (got < sizeof(buf) &&
	       (n = rig_recv(c, buf + got, sizeof(buf) - got)) > 0)
		got += (size_t)n;
	cr_assert(got == len && memcmp(buf, want, len) == 0,
		  "%s: %zu bytes: %.*s", what, got, (int)got, buf);
}

#define HELLO "\x81\x05hello"

static const struct last_word {
	const char *how;
	bool by_operator;
	const char *before; /* comes from the server */
	const char *want;
	size_t len;
} last_words[] = {
	{ "cut", false, HELLO "\x81\x05wo", "", 0 },
	{ "closed", false, HELLO "\x88\x02\x03\xe8", "", 0 },
	{ "other", false, HELLO, "", 0 },
	{ "whole", false, HELLO, POLICY("cert-revoked", "\x0e"), 16 },
	{ "whole", true, HELLO, POLICY("session-ended", "\x0f"), 17 },
	{ "", false, "", POLICY("cert-revoked", "\x0e"), 16 },
};

Test(upgrade, tunnel_last_word)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(last_words); i++) {
		const struct last_word *w = &last_words[i];

		open_frames(r, &c, w->how);
		expect(&c, w->before);
		if (w->by_operator)
			rig_kill(r);
		else
			rig_revoke(r);
		expect_last(&c, w->how, w->want, w->len);
		rig_close(&c);
	}
	cr_assert_eq(rig_leaves(r, GW_COUNT(last_words)),
		     GW_COUNT(last_words));
	rig_stop(r);
}

Test(upgrade, tunnel_last_word_of_idleness)
{
	static const struct rig_key keys[] = {
		{ "listener", "tunnel_timeout", "1s" }, { NULL, NULL, NULL },
	};
	static const char idle[] = "\x88\x18\x03\xe9"
				   "tunnel idle or stalled";
	struct rig *r = rig_start(keys);
	struct rig_client c;

	rig_answer(r, &allow);
	open_frames(r, &c, "whole");
	expect(&c, HELLO);
	expect_last(&c, "idle", idle, sizeof(idle) - 1);
	rig_close(&c);
	rig_stop(r);
}

Test(upgrade, tunnel_last_word_of_time)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &(struct rig_answer){ .lifetime = 3 });
	open_frames(r, &c, "whole");
	expect(&c, HELLO);
	expect_last(&c, "until", POLICY("session-ended", "\x0f"), 17);
	rig_close(&c);
	rig_stop(r);
}

Test(upgrade, tunnel_last_word_of_stop)
{
	static const char stop[] = "\x88\x0a\x03\xe9stopping";
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	open_frames(r, &c, "whole");
	expect(&c, HELLO);
	rig_stop(r);
	expect_last(&c, "stop", stop, sizeof(stop) - 1);
	rig_close(&c);
}

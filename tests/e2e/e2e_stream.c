/* e2e_stream.c — bodies and tunnels: large, slow, both ways at once. What
 * passes is compared by digest; what gwd-proxy holds meanwhile is bounded. */
#include "gate.h"
#include "http.h"
#include "wire.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

TestSuite(stream, .timeout = 300);

#define MIB          (1024 * 1024)
#define BIG          (100 * MIB)
/* KiB, at most, while LARGE streams through; AddressSanitizer keeps what was
 * freed for a while. */
#ifdef __SANITIZE_ADDRESS__
#define LARGE        BIG
#define MEMORY_GROWS (320 * 1024)
#else
#define LARGE        (300 * MIB)
#define MEMORY_GROWS (24 * 1024)
#endif

/* ---- upload and download: a pattern that no block boundary hides */

struct pattern {
	uint64_t left, at, total;
	EVP_MD_CTX *digest;
	pid_t pid;
	long peak_kib;
};

static struct pattern
pattern_new(uint64_t total)
{
	struct pattern p = { .left = total, .total = total,
			     .digest = EVP_MD_CTX_new(),
			     .pid = gate_pid(NULL, "gwd-proxy") };

	gw_assert(p.digest != NULL &&
		  EVP_DigestInit(p.digest, EVP_sha256()) == 1);
	return p;
}

static char *
pattern_hex(struct pattern *p)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	char *hex = gw_xcalloc(1, 2 * sizeof(md) + 1);
	unsigned len = 0;

	gw_assert(EVP_DigestFinal(p->digest, md, &len) == 1);
	gw_hex(md, len, hex);
	return hex;
}

static void
watch_memory(struct pattern *p)
{
	if (p->at % (8 * MIB) < 65536)
		p->peak_kib = GW_MAX(p->peak_kib, resident_kib(p->pid));
}

static size_t
on_upload(char *out, size_t size, size_t n, void *arg)
{
	struct pattern *p = arg;
	size_t len = (size_t)GW_MIN(p->left, (uint64_t)(size * n));

	for (size_t i = 0; i < len; i++)
		out[i] = (char)((p->at + i) * 131 % 251);
	EVP_DigestUpdate(p->digest, out, len);
	p->at += len;
	p->left -= len;
	watch_memory(p);
	return len;
}

static size_t
on_download(char *in, size_t size, size_t n, void *arg)
{
	struct pattern *p = arg;

	EVP_DigestUpdate(p->digest, in, size * n);
	p->at += size * n;
	watch_memory(p);
	return size * n;
}

/* The body of /echo/stream, digested here. */
static char *
stream_digest(uint64_t total)
{
	struct pattern p = pattern_new(total);
	unsigned char block[256];

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (unsigned char)i;
	for (uint64_t i = 0; i < total; i += sizeof(block))
		EVP_DigestUpdate(p.digest, block, sizeof(block));
	return pattern_hex(&p);
}

static void
upload(bool is_chunked, uint64_t total)
{
	struct pattern p = pattern_new(total);
	const char *const headers[] = {
		is_chunked ? "Transfer-Encoding: chunked" : "Expect:",
		"Expect:", NULL
	};
	struct ask ask = { .card = "alice", .headers = headers,
			   .timeout_ms = 60000 };
	CURL *h = handle_new();
	struct answer a;
	long before = resident_kib(p.pid);

	handle_set(h, &ask, &a);
	curl_easy_setopt(h, CURLOPT_POST, 1L);
	curl_easy_setopt(h, CURLOPT_READFUNCTION, on_upload);
	curl_easy_setopt(h, CURLOPT_READDATA, &p);
	if (!is_chunked)
		curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)total);
	handle_run(h, &a);
	cr_assert_eq(a.status, 200, "got %ld %s", a.status, a.error);
	cr_expect_eq(json_integer_value(json_object_get(json_of(&a),
							"length")),
		     total);
	cr_expect_str_eq(json_text(json_of(&a), "sha256"), pattern_hex(&p));
	cr_expect(p.peak_kib - before < MEMORY_GROWS,
		  "gwd-proxy grew from %ld to %ld KiB", before, p.peak_kib);
	curl_easy_cleanup(h);
}

Test(stream, upload_of_known_length)
{
	upload(false, LARGE);
}

Test(stream, upload_in_chunks)
{
	upload(true, BIG);
}

static void
download(const char *options, uint64_t total)
{
	struct ask ask = {
		.card = "alice", .timeout_ms = 60000,
		.path = text("/echo/stream?bytes=%llu%s",
			     (unsigned long long)total, options),
	};
	struct pattern p = pattern_new(total);
	CURL *h = handle_new();
	struct answer a;
	long before = resident_kib(p.pid);

	handle_set(h, &ask, &a);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_download);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, &p);
	handle_run(h, &a);
	cr_assert_eq(a.status, 200, "got %ld %s", a.status, a.error);
	cr_expect_eq(p.at, total, "%llu bytes", (unsigned long long)p.at);
	cr_expect_str_eq(pattern_hex(&p), stream_digest(total));
	cr_expect(p.peak_kib - before < MEMORY_GROWS,
		  "gwd-proxy grew from %ld to %ld KiB", before, p.peak_kib);
	curl_easy_cleanup(h);
}

Test(stream, download_of_known_length)
{
	download("&length=known", LARGE);
}

Test(stream, download_in_chunks)
{
	download("", BIG);
}

/* Who does not read is not read for: the upstream waits, nothing piles up,
 * and others are served meanwhile. */
Test(stream, slow_reader)
{
	pid_t pid = gate_pid(NULL, "gwd-proxy");
	long before = resident_kib(pid), after;
	struct wire *w = WIRE(.card = "alice", .rcvbuf = 8192);
	uint64_t got = 0, until = now_ms() + 2000;
	char buf[65536];
	struct answer a;
	int n;

	(void)wire_say(w, text("GET /echo/stream?bytes=%d&length=known "
			       "HTTP/1.1\r\nHost: g\r\n"
			       "Connection: close\r\n\r\n", 30 * MIB));
	while (now_ms() < until) {
		a = FETCH(.card = "alice-rsa");
		cr_assert_eq(a.status, 200, "another one: %ld", a.status);
		cr_expect(a.took_ms < 20000, "another one waits: %d ms",
			  a.took_ms);
	}
	after = resident_kib(pid);
	cr_expect(after - before < MEMORY_GROWS,
		  "gwd-proxy grew from %ld to %ld KiB", before, after);
	while ((n = wire_read(w, buf, sizeof(buf), 60000)) > 0)
		got += (uint64_t)n;
	cr_expect(got > 30 * MIB, "only %llu bytes came",
		  (unsigned long long)got);
	wire_close(w);
}

/* ---- WebSocket */

Test(stream, websocket_echo)
{
	static const int versions[] = { 12, 13 };

	for (size_t v = 0; v < GW_COUNT(versions); v++) {
		struct wire *w = WIRE(.card = "alice", .tls = versions[v]);
		int status = ws_begin(w, "/echo/ws");

		cr_assert_eq(status, 101, "got %d", status);
		for (int i = 0; i < 100; i++)
			cr_assert(ws_echoes(w, text("message %d", i), 30000),
				  "message %d does not come back", i);
		wire_close(w);
	}
}

/* Whether a frame comes next that begins so and brings this. */
static bool
comes(struct wire *w, int first, const void *p, size_t len)
{
	size_t got_len = 0;
	char *got = NULL;

	return ws_recv_frame(w, &got, &got_len, 10000) == first &&
	       got_len == len && memcmp(got, p, len) == 0;
}

#define TEXT_BEGINS 0x01
#define GOES_ON     0x00
#define ENDS        0x80
#define WHOLE       0x82 /* binary */
#define PING        0x89
#define PONG        0x8a
#define CLOSE       0x88

/* Pings reach the server, also between the parts of a message. */
Test(stream, websocket_ping)
{
	struct wire *w = WIRE(.card = "alice");

	cr_assert_eq(ws_begin(w, "/echo/ws"), 101);
	ws_send_frame(w, PING, "are you there", 13);
	cr_expect(comes(w, PONG, "are you there", 13), "no pong");
	ws_send_frame(w, TEXT_BEGINS, "a", 1);
	ws_send_frame(w, PING, "", 0);
	cr_expect(comes(w, PONG, "", 0), "no pong in a message");
	ws_send_frame(w, GOES_ON, "b", 1);
	ws_send_frame(w, ENDS, "c", 1);
	cr_expect(comes(w, 0x81, "abc", 3), "the message is not whole");
	wire_close(w);
}

Test(stream, websocket_messages_of_any_size)
{
	static const size_t sizes[] = { 0, 1, 125, 126, 65535, 65536,
					1 * MIB, 16 * MIB };
	struct wire *w = WIRE(.card = "alice");
	long before = resident_kib(gate_pid(NULL, "gwd-proxy")), after;
	char *p = gw_xcalloc(1, 16 * MIB);

	for (size_t i = 0; i < 16 * MIB; i++)
		p[i] = (char)(i * 131 % 251);
	cr_assert_eq(ws_begin(w, "/echo/ws"), 101);
	for (size_t i = 0; i < GW_COUNT(sizes); i++) {
		ws_send_frame(w, WHOLE, p, sizes[i]);
		cr_expect(comes(w, WHOLE, p, sizes[i]), "%zu bytes", sizes[i]);
	}
	after = resident_kib(gate_pid(NULL, "gwd-proxy"));
	cr_expect(after - before < MEMORY_GROWS,
		  "gwd-proxy grew from %ld to %ld KiB", before, after);
	wire_close(w);
	free(p);
}

/* What the two ends agree upon is theirs. */
Test(stream, websocket_extensions_pass)
{
	struct wire *w = WIRE(.card = "alice");
	char *head;

	cr_assert_eq(ws_begin_with(w, "/echo/ws", "Sec-WebSocket-Extensions: "
				   "permessage-deflate\r\n", &head), 101);
	cr_expect(strcasestr(head, "\r\nSec-WebSocket-Extensions: "
				   "permessage-deflate") != NULL, "%s", head);
	/* "Hello", compressed (RFC 7692 7.2.3.1) */
	ws_send_frame(w, 0xc1, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
	cr_expect(comes(w, 0xc1, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7),
		  "it comes back otherwise");
	wire_close(w);
}

/* The server's Close arrives, however the connection ends behind it: here it
 * resets what is said too late. */
Test(stream, websocket_closes)
{
	struct wire *w;

	for (int i = 0; i < 10; i++) {
		w = WIRE(.card = "alice");
		cr_assert_eq(ws_begin(w, "/echo/ws"), 101);
		ws_send_frame(w, CLOSE, "\x03\xe8", 2);
		if (i % 2 != 0)
			ws_send_frame(w, PING, "too late", 8);
		cr_expect(comes(w, CLOSE, "\x03\xe8", 2), "case %d", i);
		cr_expect(wire_is_over(w, 30000), "case %d stays open", i);
		wire_close(w);
	}
	/* what is no frame is answered by the server, not by the gateway */
	for (unsigned first = 0x83; first <= 0x87; first += 4) {
		w = WIRE(.card = "alice");
		cr_assert_eq(ws_begin(w, "/echo/ws"), 101);
		ws_send_frame(w, first, "x", 1);
		cr_expect(comes(w, CLOSE, "\x03\xea", 2), "opcode %x",
			  first & 15);
		wire_close(w);
	}
}

Test(stream, websocket_many_at_once)
{
	enum { COUNT = 20 };
	struct wire *w[COUNT];

	for (int i = 0; i < COUNT; i++) {
		w[i] = WIRE(.card = "alice");
		cr_assert_eq(ws_begin(w[i], "/echo/ws"), 101, "%d", i);
	}
	for (int i = 0; i < COUNT; i++)
		ws_send(w[i], text("to %d", i));
	for (int i = COUNT - 1; i >= 0; i--) {
		char *got = ws_recv(w[i], 30000);

		cr_expect(got != NULL && strcmp(got, text("to %d", i)) == 0,
			  "tunnel %d: %s", i, got != NULL ? got : "nothing");
		wire_close(w[i]);
	}
}

Test(stream, websocket_is_for_the_admitted)
{
	static const char *const cards[] = { NULL, "bob", "alice-revoked" };

	for (size_t i = 0; i < GW_COUNT(cards); i++) {
		struct wire *w = WIRE(.card = cards[i]);
		int status = ws_begin(w, "/echo/ws");

		cr_expect_eq(status, 403, "%s: got %d",
			     cards[i] != NULL ? cards[i] : "no card", status);
		wire_close(w);
	}
}

/* The client goes: the tunnel's other half is closed, too. */
static bool
has_no_tunnel(void *arg)
{
	json_t *row = gate_row(gate_status(NULL), "listeners", "title",
			       "desktop");

	(void)arg;
	return json_integer_value(json_object_get(row, "connections")) == 0;
}

Test(stream, websocket_ends_with_its_client)
{
	struct wire *w = WIRE(.card = "alice");

	cr_assert_eq(ws_begin(w, "/echo/ws"), 101);
	cr_expect(!has_no_tunnel(NULL), "an open tunnel is not counted");
	wire_close(w);
	cr_expect(await(60000, has_no_tunnel, NULL), "it is still open");
}

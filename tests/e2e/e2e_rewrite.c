/* e2e_rewrite.c — what goes on to the server is written anew from what was
 * understood: the bytes it hears are the gateway's, whatever the client's
 * were. The server is the lab's, heard on its way. */
#include "back.h"
#include "gate.h"
#include "http.h"
#include "wire.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(rewrite, .timeout = 300);

#define NAME "gateway.corp.example.com"
#define HOST "Host: " NAME "\r\n"

static struct gate gate;
static struct back *back;

static void
start_gate(void)
{
	char *dir = scratch_dir();

	back = back_relay(lab("ECHO_URL") + strlen("http://"));
	gate = gate_start(dir, conf_text(dir, back_address(back)));
}

static struct wire *
enter(void)
{
	return WIRE(.base = gate.url, .card = "alice");
}

/* ---- requests */

static const struct form {
	const char *what, *request;
	const char *head;  /* what the server hears begins so */
	const char *field; /* and holds this line; NULL: none in particular */
	const char *body;  /* how much the server says it has read */
} forms[] = {
	{ "absolute form",
	  "GET http://" NAME "/echo/1?a=b HTTP/1.1\r\n" HOST "\r\n",
	  "GET /echo/1?a=b HTTP/1.1\r\n" HOST, NULL, "\"length\": 0" },
	{ "absolute form without a path",
	  "GET HTTPS://" NAME " HTTP/1.1\r\n" HOST "\r\n",
	  "GET / HTTP/1.1\r\n" HOST, NULL, "\"length\": 0" },
	{ "empty lines before",
	  "\r\n\r\nGET /echo/3 HTTP/1.1\r\n" HOST "\r\n",
	  "GET /echo/3 HTTP/1.1\r\n" HOST, NULL, "\"length\": 0" },
	{ "blanks around a value",
	  "GET /echo/4 HTTP/1.1\r\n" HOST "X-A:\t  b  c \t\r\n\r\n",
	  "GET /echo/4 HTTP/1.1\r\n" HOST, "\r\nX-A: b  c\r\n",
	  "\"length\": 0" },
	{ "blanks around Host",
	  "GET /echo/5 HTTP/1.1\r\nX-A: b\r\nhost:\t" NAME " \r\n\r\n",
	  "GET /echo/5 HTTP/1.1\r\n" HOST, "\r\nX-A: b\r\n", "\"length\": 0" },
	{ "zeros before the length",
	  "POST /echo/6 HTTP/1.1\r\n" HOST "Content-Length: 00005\r\n\r\n"
	  "hello",
	  "POST /echo/6 HTTP/1.1\r\n" HOST, "\r\nContent-Length: 5\r\n",
	  "\"length\": 5" },
	{ "coding in capitals",
	  "POST /echo/7 HTTP/1.1\r\n" HOST "TRANSFER-ENCODING: CHUNKED\r\n"
	  "\r\n5\r\nhello\r\n0\r\n\r\n",
	  "POST /echo/7 HTTP/1.1\r\n" HOST,
	  "\r\nTransfer-Encoding: chunked\r\n", "\"length\": 5" },
	{ "extensions and trailers",
	  "POST /echo/8 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
	  "Trailer: X-Be-Gone\r\n\r\n"
	  "0002;be-gone=\"be-gone\"\r\nhe\r\n3;be-gone\r\nllo\r\n0;be-gone\r\n"
	  "X-Be-Gone: be-gone\r\nX-Remote-User: be-gone\r\n"
	  "Content-Length: 3\r\n\r\n",
	  "POST /echo/8 HTTP/1.1\r\n" HOST,
	  "\r\nTransfer-Encoding: chunked\r\n", "\"length\": 5" },
	{ "a later HTTP/1",
	  "GET /echo/9 HTTP/1.7\r\n" HOST "\r\n",
	  "GET /echo/9 HTTP/1.1\r\n" HOST, NULL, "\"length\": 0" },
	{ "the connection's own fields",
	  "GET /echo/10 HTTP/1.1\r\n" HOST "X-Be-Gone: be-gone\r\n"
	  "Connection: keep-alive, x-be-gone,,\tX-BE-GONE-2 , Cookie\r\n"
	  "Keep-Alive: timeout=be-gone\r\nProxy-Connection: be-gone\r\n"
	  "Proxy-Authorization: be-gone\r\nProxy-Authenticate: be-gone\r\n"
	  "TE: be-gone\r\nTrailer: be-gone\r\nUpgrade: be-gone\r\n"
	  "X-Be-Gone-2: be-gone\r\nCookie: be-gone\r\nX-Stays: here\r\n\r\n",
	  "GET /echo/10 HTTP/1.1\r\n" HOST, "\r\nX-Stays: here\r\n",
	  "\"length\": 0" },
	{ "the connection's own fields, twice",
	  "GET /echo/11 HTTP/1.1\r\n" HOST "X-Be-Gone: be-gone\r\n"
	  "X-Be-Gone: be-gone\r\nConnection: x-be-gone\r\n"
	  "Connection: x-be-gone-2\r\nX-Be-Gone-2: be-gone\r\n\r\n",
	  "GET /echo/11 HTTP/1.1\r\n" HOST, NULL, "\"length\": 0" },
	{ "HTTP/1.0", /* closes, so the last one */
	  "GET /echo/12 HTTP/1.0\r\n" HOST "Connection: X-Be-Gone\r\n"
	  "X-Be-Gone: be-gone\r\n\r\n",
	  "GET /echo/12 HTTP/1.1\r\n" HOST, NULL, "\"length\": 0" },
};

/* What the server heard from here on, head and body. */
static char *
heard_since(size_t from)
{
	size_t len;
	char *heard = back_heard(back, 0, &len);

	cr_assert_geq(len, from);
	return heard + from;
}

/* No base64 holds "be-gone". */
static void
expect_form(struct wire *w, const struct form *f, size_t *heard_len)
{
	char *got, *heard;

	(void)wire_say(w, f->request);
	got = wire_read_until(w, "}", 60000);
	cr_expect(contains(got, f->body), "%s: %s", f->what, got);
	heard = heard_since(*heard_len);
	*heard_len += strlen(heard);
	cr_expect(strncmp(heard, f->head, strlen(f->head)) == 0, "%s: %s",
		  f->what, heard);
	cr_expect(f->field == NULL || contains(heard, f->field), "%s: %s",
		  f->what, heard);
	cr_expect(strcasestr(heard, "be-gone") == NULL, "%s: %s", f->what,
		  heard);
	cr_expect(!contains(heard, "Connection:"), "%s: %s", f->what, heard);
}

/* All over one connection of the client and, once it is there, one to the
 * server. */
Test(rewrite, requests)
{
	struct wire *w;
	size_t heard_len = 0;

	start_gate();
	w = enter();
	for (size_t i = 0; i < GW_COUNT(forms); i++)
		expect_form(w, &forms[i], &heard_len);
	cr_expect_eq(back_count(back), 1, "%zu connections to the server",
		     back_count(back));
	cr_expect(wire_is_over(w, 30000), "HTTP/1.0 stays open");
	wire_close(w);
	gate_stop(&gate);
}

/* Requests for nobody in particular and for everybody behind. */
static const struct asterisk {
	const char *request, *heard; /* NULL: the server hears nothing */
} asterisks[] = {
	{ "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "OPTIONS * HTTP/1.1\r\n" HOST },
	{ "OPTIONS http://" NAME " HTTP/1.1\r\n" HOST "\r\n",
	  "OPTIONS * HTTP/1.1\r\n" HOST },
	{ "OPTIONS * HTTP/1.1\r\n" HOST "Max-Forwards: 0\r\n\r\n", NULL },
	{ "OPTIONS /echo/ HTTP/1.1\r\n" HOST "Max-Forwards: 5\r\n\r\n",
	  "OPTIONS /echo/ HTTP/1.1\r\n" HOST "Max-Forwards: 4\r\n" },
};

/* To the end of the second's. */
static char *
read_answers(struct wire *w)
{
	char *got = wire_read_until(w, "/echo/mark", 60000);
	const char *at = strstr(got, "/echo/mark");

	cr_assert_not_null(at, "%s", got);
	if (!contains(at, "}"))
		(void)wire_read_until(w, "}", 60000);
	return got;
}

Test(rewrite, options)
{
	struct wire *w;
	size_t heard_len = 0;

	start_gate();
	w = enter();
	for (size_t i = 0; i < GW_COUNT(asterisks); i++) {
		const struct asterisk *a = &asterisks[i];
		char *got, *heard;

		(void)wire_say(w, text("%sGET /echo/mark HTTP/1.1\r\n" HOST
				       "\r\n", a->request));
		got = read_answers(w);
		cr_expect(strncmp(got, "HTTP/1.1 ", 9) == 0 &&
			  !contains(got, "X-Gwd-Reason"), "%s: %s",
			  a->request, got);
		heard = heard_since(heard_len);
		heard_len += strlen(heard);
		cr_expect(a->heard != NULL
			  ? strncmp(heard, a->heard, strlen(a->heard)) == 0
			  : strncmp(heard, "GET ", 4) == 0, "%s: %s",
			  a->request, heard);
	}
	wire_close(w);
	gate_stop(&gate);
}

/* ---- connections to the server are kept, and shared by clients */

Test(rewrite, keep_alive_behind)
{
	start_gate();
	for (int i = 0; i < 8; i++) {
		struct answer a = FETCH(.base = gate.url, .card = "alice",
					.path = text("/echo/n%d", i));

		cr_expect_eq(a.status, 200, "%ld %s", a.status, a.error);
		cr_expect_str_eq(json_text(json_of(&a), "path"),
				 text("/echo/n%d", i));
	}
	cr_expect_eq(back_count(back), 1, "%zu connections to the server",
		     back_count(back));
	gate_stop(&gate);
}

/* test_parts.c — the parts of gwd-proxy that do no I/O: routes, the denied
 * scanner, pages, identity fields, bodies in flight, buffers. */
#include "addr.h"
#include "buf.h"
#include "denied.h"
#include "flow.h"
#include "ident.h"
#include "page.h"
#include "site.h"
#include "gw/util.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>

static struct gw_str
str(const char *s)
{
	return (struct gw_str){ s, strlen(s) };
}

/* ---- addresses and routes */

static const struct { const char *text; bool ok; } addrs[] = {
	{ "", false },              { "127.0.0.1", false },
	{ "127.0.0.1:", false },    { "127.0.0.1:0", false },
	{ "127.0.0.1:65536", false }, { "127.0.0.1:+80", false },
	{ "127.0.0.1:80x", false }, { "localhost:80", false },
	{ "[::1]80", false },       { "[::1", false },
	{ "[::1]:", false },        { "::1:80", false },
	{ "127.0.0.1:80", true },   { "[::1]:65535", true },
};

Test(parts, addresses)
{
	struct sockaddr_storage ss;
	socklen_t len;

	for (size_t i = 0; i < GW_COUNT(addrs); i++)
		cr_assert_eq(gw_addr_parse(addrs[i].text, &ss, &len),
			     addrs[i].ok, "%s", addrs[i].text);
	cr_assert(gw_addr_parse("[::1]:443", &ss, &len));
	cr_assert_eq(ntohs(((struct sockaddr_in6 *)&ss)->sin6_port), 443);
}

static struct gw_conf_upstream upstreams[] = {
	{ .title = (char []){ "a" } }, { .title = (char []){ "b" } },
};
static struct gw_conf_listener listeners[] = {
	{ .title = (char []){ "l" }, .upstream = (char []){ "a" } },
	{ .title = (char []){ "bare" }, .upstream = (char []){ "" } },
};
static struct gw_conf_route routes[] = {
	{ .title = (char []){ "/x" }, .listener = (char []){ "l" },
	  .upstream = (char []){ "b" } },
	{ .title = (char []){ "/x/deep" }, .listener = (char []){ "l" },
	  .upstream = (char []){ "a" } },
	{ .title = (char []){ "/only" }, .listener = (char []){ "bare" },
	  .upstream = (char []){ "b" } },
	{ .title = (char []){ "/dir/" }, .listener = (char []){ "l" },
	  .upstream = (char []){ "b" } },
};
static const struct gw_conf conf = {
	.upstreams = upstreams, .upstream_count = GW_COUNT(upstreams),
	.listeners = listeners, .listener_count = GW_COUNT(listeners),
	.routes = routes, .route_count = GW_COUNT(routes),
};

static const struct {
	size_t listener;
	const char *path;
	size_t upstream;
	int slot; /* in the verdict; -1: no route */
} lookups[] = {
	{ 1, "/", GW_NO_UPSTREAM, -1 },  { 1, "/onlyx", GW_NO_UPSTREAM, -1 },
	{ 1, "*", GW_NO_UPSTREAM, -1 },  { 1, "/only", 1, 0 },
	{ 0, "/", 0, -1 },               { 0, "/xx", 0, -1 },
	{ 0, "/X", 0, -1 },              { 0, "*", 0, -1 },
	{ 0, "/x", 1, 0 },               { 0, "/x/", 1, 0 },
	{ 0, "/x?deep", 1, 0 },          { 0, "/x;v=1", 1, 0 },
	{ 0, "/x/deeper", 1, 0 },        { 0, "/x/deep", 0, 1 },
	{ 0, "/x/deep/er", 0, 1 },       { 0, "/x/deep?q", 0, 1 },
	{ 0, "/dir", 0, -1 },            { 0, "/dir/x", 1, 2 },
};

Test(parts, routes)
{
	struct gw_site s;
	struct gw_error err;
	const struct gw_site_route *r;

	cr_assert_eq(gw_site_init(&s, &conf, &err), GW_ERR_OK);
	cr_assert_eq(gw_site_find_listener(&s, "bare"), 1);
	cr_assert_eq(gw_site_find_listener(&s, "none"), SIZE_MAX);
	for (size_t i = 0; i < GW_COUNT(lookups); i++) {
		size_t up = gw_site_lookup(&s.listeners[lookups[i].listener],
					   str(lookups[i].path), &r);

		cr_assert_eq(up, lookups[i].upstream, "%s", lookups[i].path);
		cr_assert_eq(r != NULL ? (int)r->slot : -1, lookups[i].slot,
			     "%s", lookups[i].path);
	}
	gw_site_clear(&s);
}

/* ---- denied */

static const struct { const char *text; bool is_whole; const char *accept; }
heads[] = {
	{ "", false, "" },
	{ "\r\n\r\n", false, "" },
	{ "GET / HTTP/1.1", false, "" },
	{ "GET / HTTP/1.1\r\nAccept: a/b\r\n", false, " a/b" },
	{ "\0\0\n\n", false, "" }, /* empty as C text */
	{ "GET / HTTP/1.1\r\n\r\n", true, "" },
	{ "\r\nGET / HTTP/1.1\r\n\r\n", true, "" },
	{ "x\n\n", true, "" },
	{ "x\nACCEPT:y\nAccept: z\n\n", true, "y" },
	{ "x\r\nNot-Accept: y\r\n\r\n", true, "" },
};

Test(parts, denied_scanner)
{
	for (size_t i = 0; i < GW_COUNT(heads); i++) {
		const char *t = heads[i].text;
		struct gw_str a = gw_denied_accept(t, strlen(t));
		size_t scanned = 0;
		bool has_text = false, is_whole = false;

		/* whether it comes at once or byte by byte */
		for (size_t j = 1; j <= strlen(t); j++)
			is_whole = gw_denied_has_head(t, j, &scanned,
						      &has_text);
		cr_assert_eq(is_whole, heads[i].is_whole, "%zu", i);
		scanned = 0;
		has_text = false;
		cr_assert_eq(gw_denied_has_head(t, strlen(t), &scanned,
						&has_text),
			     heads[i].is_whole, "%zu", i);
		cr_assert(a.len == strlen(heads[i].accept) &&
			  memcmp(a.p, heads[i].accept, a.len) == 0, "%zu", i);
	}
}

/* ---- pages */

static const struct { const char *accept; bool json; } accepts[] = {
	{ "", false },
	{ "*/*", false },
	{ "text/html", false },
	{ "application/jsonx", false },
	{ "text/html, application/json", false },
	{ "application/json;q=0", false },
	{ "application/json;q=0.3,text/html;q=0.4", false },
	{ "application/json; q=abc", false },
	{ "application/json", true },
	{ " Application/JSON ; charset=utf-8", true },
	{ "application/json;q=0.9, */*;q=0.1", true },
	{ "text/html;q=0.8,application/json;q=0.900", true },
};

Test(parts, accept)
{
	for (size_t i = 0; i < GW_COUNT(accepts); i++)
		cr_assert_eq(gw_page_prefers_json(str(accepts[i].accept)),
			     accepts[i].json, "%s", accepts[i].accept);
}

/* Every reason fits, in both forms, and says its length right; its status has
 * a phrase, and the fields that go with it. */
Test(parts, pages)
{
	char text[GW_PAGE_MAX + 1];
	int status;

	for (int i = 0; i < 2 * GW_ERR_COUNT; i++) {
		struct gw_page p = { .reason = (enum gw_err)(i / 2),
				     .request = "0123456789abcdef-42",
				     .now = 1700000000, .as_json = i % 2 };
		struct gw_out o = { .p = text, .cap = GW_PAGE_MAX };
		char *body, *len;

		gw_page_write(&o, &p);
		cr_assert(!o.bad);
		text[o.len] = '\0';
		status = gw_err_http_status(p.reason);
		cr_assert_eq(strstr(text, "Internal Server Error") != NULL,
			     status == 500 || status == 200, "%d", status);
		cr_assert_eq(strstr(text, "\r\nAllow: GET") != NULL,
			     status == 405, "%d", status);
		body = strstr(text, "\r\n\r\n") + 4;
		len = strstr(text, "Content-Length: ");
		cr_assert_eq(strtoul(len + 16, NULL, 10), strlen(body));
		cr_assert(strstr(body, p.request) != NULL);
		cr_assert(strstr(text, "\r\nConnection: close\r\n") != NULL);
	}
}

Test(parts, page_without_body)
{
	char text[GW_PAGE_MAX + 1];
	struct gw_out o = { .p = text, .cap = GW_PAGE_MAX };

	gw_page_write(&o, &(struct gw_page){
		.reason = GW_ERR_HTTP_NO_ROUTE, .request = "<script>",
		.is_head = true, .keep_alive = true });
	cr_assert(!o.bad && memcmp(text + o.len - 4, "\r\n\r\n", 4) == 0);
	text[o.len] = '\0';
	cr_assert(strstr(text, "Connection:") == NULL);
	o.len = 0;
	gw_page_write(&o, &(struct gw_page){
		.reason = GW_ERR_HTTP_NO_ROUTE, .request = "<script>\"" });
	text[o.len] = '\0';
	cr_assert(strstr(text, "<script>") == NULL);
	cr_assert(strstr(text, "&lt;script&gt;&quot;") != NULL);
}

/* ---- identity fields */

static const struct gw_conf_headers names = {
	.user = (char []){ "X-User" }, .upn = (char []){ "" },
	.sid = (char []){ "X-SID" }, .groups = (char []){ "X-Groups" },
	.request_id = (char []){ "X-Id" }, .mapping = (char []){ "X-Map" },
	.client_cert = true,
};
static const uint8_t der[] = { 1, 2, 3 };
static const struct gw_der chain[] = { { der, 3 }, { der, 1 }, { der, 2 } };

static char *
fields_of(const struct gw_ident *id, struct gw_str host, const char *via)
{
	static char text[4096];
	struct gw_out o = { .p = text, .cap = sizeof(text) - 1 };

	gw_ident_write(&o, id, &(struct gw_request_fields){
		.id_name = "X-Id", .login = "0123456789abcdef",
		.number = UINT32_MAX,
		.host = host, .via = via, .minor = 1 });
	cr_assert(!o.bad);
	text[o.len] = '\0';
	return text;
}

Test(parts, identity)
{
	static char scratch[GW_IDENT_SCRATCH];
	struct gw_verdict_msg v = { .has_account = true, .sam = "alice",
				    .upn = "alice@x", .sid = "S-1-5-21-1",
				    .mapping = GW_MAPPED_UPN,
				    .groups = (char []){ "A,B" },
				    .route_count = 2 };
	struct gw_ident *id;
	const char *t;

	/* fail closed: a name that could end its line is no name */
	memcpy(v.sam, "a\r\nX-SID: S-1-5-18", 19);
	cr_assert(gw_ident_new(&names, &v, chain, 3, "::1", scratch) == NULL);
	memcpy(v.sam, "alice", 6);
	v.routes[1] = GW_VERDICT_ALLOW;
	id = gw_ident_new(&names, &v, chain, 3, "2001:db8::1", scratch);
	cr_assert(id != NULL);
	cr_assert(!gw_ident_may_use(id, 0) && gw_ident_may_use(id, 1) &&
		  !gw_ident_may_use(id, 2));
	t = fields_of(id, str("h:1"), "gate");
	cr_assert_str_eq(t, "X-User: alice\r\nX-SID: S-1-5-21-1\r\n"
		"X-Groups: A,B\r\nX-Map: upn\r\nClient-Cert: :AQID:\r\n"
		"Client-Cert-Chain: :AQ==:\r\nClient-Cert-Chain: :AQI=:\r\n"
		"X-Forwarded-For: 2001:db8::1\r\nX-Forwarded-Proto: https\r\n"
		"X-Id: 0123456789abcdef-4294967295\r\n"
		"Forwarded: for=\"[2001:db8::1]\";proto=https;host=\"h:1\"\r\n"
		"X-Forwarded-Host: h:1\r\nVia: 1.1 gate\r\n");
	free(id);
}

Test(parts, identity_without_account)
{
	static char scratch[GW_IDENT_SCRATCH];
	/* whatever else is in it */
	struct gw_verdict_msg v = { .sam = "alice", .sid = "S-1-5-21-1",
				    .groups = (char []){ "A" } };
	struct gw_ident *id = gw_ident_new(&names, &v, chain, 1, "192.0.2.1",
					   scratch);
	const char *t;

	cr_assert(id != NULL);
	t = fields_of(id, str(""), "");
	cr_assert_str_eq(t, "Client-Cert: :AQID:\r\n"
		"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n"
		"X-Id: 0123456789abcdef-4294967295\r\n"
		"Forwarded: for=192.0.2.1;proto=https\r\n");
	free(id);
}

/* ---- bodies in flight */

static struct gw_buf *
buf_of(struct gw_buf_pool *p, const char *text)
{
	struct gw_buf *b = gw_buf_get(p, GW_BUF_STD);

	gw_buf_append(b, text, strlen(text));
	return b;
}

static const struct {
	enum gw_http_framing framing;
	uint64_t length;
	bool to_chunks;
	const char *in, *out, *left;
	enum gw_err rc;
} flows[] = {
	{ GW_BODY_CHUNKED, 0, true, "zz\r\n", "", "", GW_ERR_HTTP_BAD_REQUEST },
	{ GW_BODY_CHUNKED, 0, true, "3\r\nabcX\r\n", "", "",
	  GW_ERR_HTTP_BAD_REQUEST },
	{ GW_BODY_LENGTH, 5, false, "abcdeNEXT", "abcde", "NEXT", GW_ERR_OK },
	{ GW_BODY_LENGTH, 0, false, "NEXT", "", "NEXT", GW_ERR_OK },
	{ GW_BODY_CHUNKED, 0, true,
	  "3;ext=1\r\nabc\r\n0\r\nX-T: y\r\n\r\nNEXT",
	  "3\r\nabc\r\n0\r\n\r\n", "NEXT", GW_ERR_OK },
	{ GW_BODY_CHUNKED, 0, false, "3\r\nabc\r\n0\r\n\r\n", "abc", "",
	  GW_ERR_OK },
	{ GW_BODY_CLOSE, 0, true, "abc", "3\r\nabc\r\n", "", GW_ERR_OK },
};

Test(parts, flows)
{
	struct gw_buf_pool pool = { .free_count = { 0 } };

	for (size_t i = 0; i < GW_COUNT(flows); i++) {
		struct gw_http_msg m = { .framing = flows[i].framing,
					 .content_length = flows[i].length };
		struct gw_buf *from = buf_of(&pool, flows[i].in);
		struct gw_buf *to = buf_of(&pool, "");
		struct gw_flow f;
		bool moved = false;

		gw_flow_init(&f, &m, flows[i].to_chunks);
		cr_assert_eq(gw_flow_move(&f, from, to, &moved, NULL),
			     flows[i].rc, "%zu", i);
		if (flows[i].rc == GW_ERR_OK) {
			cr_assert(gw_buf_used(to) == strlen(flows[i].out) &&
				  memcmp(gw_buf_head(to), flows[i].out,
					 gw_buf_used(to)) == 0, "%zu", i);
			cr_assert_eq(gw_buf_used(from),
				     strlen(flows[i].left));
			cr_assert_eq(f.is_written,
				     flows[i].framing != GW_BODY_CLOSE);
		}
		gw_buf_put(&pool, &from);
		gw_buf_put(&pool, &to);
	}
	gw_buf_pool_clear(&pool);
}

/* However little room there is, everything arrives. */
Test(parts, flow_through_a_keyhole)
{
	struct gw_buf_pool pool = { .free_count = { 0 } };
	struct gw_http_msg m = { .framing = GW_BODY_CHUNKED };
	struct gw_buf *from = buf_of(&pool, "5\r\nhello\r\n6\r\n world\r\n"
					    "0\r\n\r\n");
	struct gw_buf *to = gw_buf_get(&pool, GW_BUF_STD);
	char got[256] = "";
	size_t len = 0;
	struct gw_flow f;
	bool moved;

	gw_flow_init(&f, &m, true);
	for (int i = 0; i < 100 && !f.is_written; i++) {
		to->off = to->end = to->cap - 33; /* room for 33 */
		cr_assert_eq(gw_flow_move(&f, from, to, &moved, NULL),
			     GW_ERR_OK);
		memcpy(got + len, gw_buf_head(to), gw_buf_used(to));
		len += gw_buf_used(to);
	}
	cr_assert(f.is_written);
	cr_assert(strstr(got, "1\r\nh\r\n1\r\ne\r\n") == got, "%s", got);
	cr_assert_str_eq(got + len - 5, "0\r\n\r\n");
	gw_buf_put(&pool, &from);
	gw_buf_put(&pool, &to);
	gw_buf_pool_clear(&pool);
}

Test(parts, flow_direct)
{
	struct gw_buf_pool pool = { .free_count = { 0 } };
	struct gw_http_msg m = { .framing = GW_BODY_LENGTH,
				 .content_length = 5 };
	struct gw_buf *to = buf_of(&pool, "HEADabc");
	struct gw_flow f;

	gw_flow_init(&f, &m, false);
	cr_assert(gw_flow_is_direct(&f));
	cr_assert(gw_flow_direct(&f, to, 3));
	cr_assert_not(f.is_written);
	gw_buf_append(to, "deXX", 4);
	cr_assert_not(gw_flow_direct(&f, to, 4)); /* two too many */
	cr_assert(f.is_written);
	cr_assert_eq(gw_buf_used(to), 9);
	gw_buf_put(&pool, &to);
	gw_buf_pool_clear(&pool);
}

/* ---- buffers */

Test(parts, buffers)
{
	struct gw_buf_pool pool = { .free_count = { 0 } };
	struct gw_buf *a = gw_buf_get(&pool, 1), *b;

	cr_assert_eq(a->cap, GW_BUF_STD);
	gw_buf_append(a, "abcdef", 6);
	gw_buf_take(a, 4);
	gw_buf_grow(&pool, &a, 100000); /* larger than any that is kept */
	cr_assert(a->cap == 100000 && gw_buf_used(a) == 2 &&
		  memcmp(gw_buf_head(a), "ef", 2) == 0);
	gw_buf_put(&pool, &a);
	cr_assert(a == NULL);
	cr_assert_eq(pool.free_count[0], 1); /* the small one came back */
	cr_assert_eq(pool.free_count[1], 0);
	b = gw_buf_get(&pool, GW_BUF_STD);
	cr_assert_eq(pool.free_count[0], 0);
	gw_buf_grow(&pool, &b, GW_BUF_STD + 1);
	cr_assert_eq(b->cap, GW_BUF_BULK);
	gw_buf_put(&pool, &b);
	cr_assert(pool.free_count[0] == 1 && pool.free_count[1] == 1);
	b = gw_buf_get(&pool, GW_BUF_BULK); /* of its own kind */
	cr_assert(b->cap == GW_BUF_BULK && pool.free_count[0] == 1 &&
		  pool.free_count[1] == 0);
	gw_buf_put(&pool, &b);
	gw_buf_pool_clear(&pool);
	cr_assert(pool.free_count[0] == 0 && pool.free_count[1] == 0);
}

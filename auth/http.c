/* http.c — see http.h. OSSL_HTTP_REQ_CTX (3.0) has two traps for those who
 * do not block. It reads lines with BIO_gets, which on a bare memory BIO takes
 * "empty" for "end" and on a bare socket BIO loses what a short read had
 * brought: so a buffering BIO stands before it. And it forgets between calls
 * that it has seen Content-Type: so the head is collected before it sees any
 * of it. */
#include "http.h"
#include "gw/util.h"

#include <openssl/err.h>
#include <openssl/http.h>
#include <openssl/ocsp.h>
#include <string.h>

#define HEAD_MAX 16384 /* bytes of the answer besides its body */
#define LINE_MAX_LEN 80

struct gw_http {
	OSSL_HTTP_REQ_CTX *ctx;
	BIO *out;       /* memory: the request */
	BIO *in;        /* memory: what was received */
	BIO *lines;     /* buffer before `in` */
	size_t got, max;
	char status[LINE_MAX_LEN]; /* first line, for the operator */
	size_t status_len;
	bool has_status;
	bool has_head, at_line_start;
	char error[160];
};

void
gw_http_free(struct gw_http *h)
{
	if (h == NULL)
		return;
	OSSL_HTTP_REQ_CTX_free(h->ctx);
	BIO_free_all(h->lines != NULL ? h->lines : h->in);
	BIO_free(h->out);
	free(h);
}

static bool
make_bios(struct gw_http *h)
{
	BIO *buffer = BIO_new(BIO_f_buffer());

	h->out = BIO_new(BIO_s_mem());
	h->in = BIO_new(BIO_s_mem());
	if (buffer == NULL || h->out == NULL || h->in == NULL) {
		BIO_free(buffer);
		return false;
	}
	/* empty means "later" until the end is known */
	BIO_set_mem_eof_return(h->in, -1);
	h->lines = BIO_push(buffer, h->in);
	h->ctx = OSSL_HTTP_REQ_CTX_new(h->out, h->lines, 0);
	return h->ctx != NULL;
}

static bool
set_request(struct gw_http *h, const struct gw_url *url, const char *type,
	    struct gw_der body, const char *expected)
{
	BIO *b = BIO_new_mem_buf(body.p, (int)body.len);
	STACK_OF(CONF_VALUE) *headers = NULL;
	bool ok = b != NULL &&
		  X509V3_add_value("Host", url->authority, &headers) == 1 &&
		  X509V3_add_value("Connection", "close", &headers) == 1 &&
		  OSSL_HTTP_set1_request(h->ctx, url->path, headers, type, b,
					 expected, 1, h->max, -1, 0) == 1;

	sk_CONF_VALUE_pop_free(headers, X509V3_conf_free);
	BIO_free(b);
	/* Writes the request into `out`, then asks for the answer. */
	return ok && OSSL_HTTP_REQ_CTX_nbio(h->ctx) == -1;
}

struct gw_http *
gw_http_new(const struct gw_url *url, const char *type, struct gw_der body,
	    const char *expected, size_t max)
{
	struct gw_http *h = gw_xcalloc(1, sizeof(*h));

	h->max = max;
	if (make_bios(h) && set_request(h, url, type, body, expected))
		return h;
	ERR_clear_error();
	gw_http_free(h);
	return NULL;
}

static struct gw_der
contents(BIO *b)
{
	char *p = NULL;
	long len = BIO_get_mem_data(b, &p);

	return (struct gw_der){ (const uint8_t *)p,
				len > 0 ? (size_t)len : 0 };
}

struct gw_der
gw_http_request(const struct gw_http *h)
{
	return contents(h->out);
}

/* ---- the answer */

static void
note_status(struct gw_http *h, const char *p, size_t len)
{
	for (size_t i = 0; i < len && !h->has_status; i++) {
		h->has_status = p[i] == '\r' || p[i] == '\n' ||
				h->status_len + 1 == sizeof(h->status);
		if (!h->has_status)
			h->status[h->status_len++] =
				p[i] >= 0x20 && p[i] < 0x7f ? p[i] : '?';
	}
}

/* The head ends with an empty line. */
static void
note_head(struct gw_http *h, const char *p, size_t len)
{
	for (size_t i = 0; i < len && !h->has_head; i++) {
		h->has_head = p[i] == '\n' && h->at_line_start;
		if (p[i] != '\r')
			h->at_line_start = p[i] == '\n';
	}
}

static enum gw_http_state
fail(struct gw_http *h, const char *what)
{
	gw_format(h->error, sizeof(h->error), "%.60s%s%.78s", what,
		  h->status_len > 0 ? ": " : "", h->status);
	ERR_clear_error();
	return GW_HTTP_FAILED;
}

enum gw_http_state
gw_http_feed(struct gw_http *h, const void *p, size_t len, bool is_end)
{
	const char *reason;
	int rc;

	h->got += len;
	if (h->got > h->max + HEAD_MAX)
		return fail(h, "answer too large");
	note_status(h, p, len);
	note_head(h, p, len);
	if (!h->has_head && h->got > HEAD_MAX)
		return fail(h, "head too large");
	if (len > 0 && BIO_write(h->in, p, (int)len) != (int)len)
		return fail(h, "no memory");
	if (is_end)
		BIO_set_mem_eof_return(h->in, 0);
	else if (!h->has_head)
		return GW_HTTP_MORE;
	ERR_clear_error();
	rc = OSSL_HTTP_REQ_CTX_nbio(h->ctx);
	if (rc == 1)
		return GW_HTTP_DONE;
	if (rc == -1 && !is_end)
		return GW_HTTP_MORE;
	reason = ERR_reason_error_string(ERR_peek_error());
	return fail(h, reason != NULL ? reason : "answer cut off");
}

struct gw_der
gw_http_body(const struct gw_http *h)
{
	return contents(OSSL_HTTP_REQ_CTX_get0_mem_bio(h->ctx));
}

const char *
gw_http_error(const struct gw_http *h)
{
	return h->error;
}

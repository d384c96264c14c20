/* http.h — HTTP/1.1 messages, read strictly and written anew (RFC 9110,
 * RFC 9112). Linked into gwd-proxy, and into gwd-auth, which asks responders
 * with it. No I/O, no clock, no allocation: the caller owns the buffers and
 * moves the bytes.
 *
 * What is ambiguous is refused, never repaired: two parties that read one
 * byte stream differently are how requests are smuggled. What goes on is
 * serialised from what was understood, never copied raw. */
#ifndef GW_HTTP_H
#define GW_HTTP_H

#include <string.h>
#include <time.h>
#include "gw/error.h"

#define GW_HTTP_FIELDS_MAX 128

struct gw_str { /* borrowed text, not NUL-terminated */
	const char *p;
	size_t len;
};

/* Field names the gateway acts on; everything else is GW_HF_OTHER. */
enum gw_http_name {
	GW_HF_OTHER, GW_HF_CONNECTION, GW_HF_CONTENT_LENGTH, GW_HF_EXPECT,
	GW_HF_HOST, GW_HF_KEEP_ALIVE, GW_HF_PROXY_AUTHENTICATE,
	GW_HF_PROXY_AUTHORIZATION, GW_HF_PROXY_CONNECTION, GW_HF_TE,
	GW_HF_TRAILER, GW_HF_TRANSFER_ENCODING, GW_HF_UPGRADE,
	GW_HF_FORWARDED, GW_HF_X_FORWARDED_FOR, GW_HF_X_FORWARDED_HOST,
	GW_HF_X_FORWARDED_PROTO, GW_HF_X_FORWARDED, /* other x-forwarded-* */
	GW_HF_CLIENT_CERT, GW_HF_CLIENT_CERT_CHAIN, GW_HF_ACCEPT, GW_HF_SERVER,
	GW_HF_DATE, GW_HF_MAX_FORWARDS,
};

struct gw_http_field {
	struct gw_str name, value; /* value without surrounding white space */
	enum gw_http_name id;
	bool is_hop; /* hop-by-hop: by itself or named in Connection */
};

enum gw_http_framing {
	GW_BODY_NONE,
	GW_BODY_LENGTH,
	GW_BODY_CHUNKED,
	GW_BODY_CLOSE, /* responses only: until the connection ends */
};

struct gw_http_msg {
	struct gw_http_field field[GW_HTTP_FIELDS_MAX];
	size_t field_count;
	size_t head_len;       /* bytes of the head, empty line included */
	int minor;             /* HTTP/1.minor, above 1 read as 1 */
	enum gw_http_framing framing;
	uint64_t content_length;
	bool keep_alive;       /* this side may go on after this message */
	bool wants_upgrade;    /* Upgrade and Connection: upgrade */
	struct gw_str upgrade; /* the Upgrade value */
	/* requests */
	struct gw_str method, target; /* target as received */
	struct gw_str path;           /* origin form: path and query */
	struct gw_str host;           /* authority: Host, or absolute form */
	bool is_head;
	bool expects_continue;
	bool has_max_forwards; /* OPTIONS only; 0: not to be forwarded */
	unsigned max_forwards; /* as received, at most what is counted */
	/* responses */
	int status;
	struct gw_str reason;
};

struct gw_http_limits {
	size_t head_max;   /* bytes of the whole head */
	size_t target_max; /* bytes of the request target */
};

/* Where the head ends: looks only at bytes from `*scanned` on, which it
 * moves, so that a head that trickles in costs linear time. 0: not yet
 * (leading empty lines of a request, at most two, are part of the head). A
 * head that is broken in any case, by a bare LF, ends there: parse it, to
 * learn the refusal. */
size_t gw_http_head_end(const char *buf, size_t len, size_t *scanned);

/* Parses a whole head of gw_http_head_end() bytes. On refusal the reason has
 * its HTTP status in the error list: GW_ERR_HTTP_BAD_REQUEST,
 * _URI_TOO_LONG, _HEADER_TOO_LARGE, _NOT_ALLOWED, _METHOD, _VERSION,
 * _EXPECTATION; the detail names the rule. Everything in `out` borrows from
 * `buf`; on refusal it is not to be read. Bytes beyond lim->head_max without
 * an end may be passed too: they are refused as what is too long in them. */
GW_MUST_CHECK enum gw_err
gw_http_parse_request(const char *buf, size_t head_len,
		      const struct gw_http_limits *lim,
		      struct gw_http_msg *out, struct gw_error *err);

/* Whether these bytes begin a HEAD request, however wrong the rest: its
 * refusal has no body either (RFC 9110 9.3.2). */
bool gw_http_begins_head(const char *buf, size_t len);

/* Whether everybody reads this path (up to '?') the same, so that a route may
 * be matched on its bytes: begins with '/', no "." or ".." segment, also not
 * with parameters ("..;x"), no empty segment but the last, and nothing
 * percent-encoded that need not be (%41, %2e) or must not be (controls, both
 * slashes, what is not UTF-8). The parser refuses others. A router still has
 * to take ';' for the end of a segment. */
bool gw_http_path_is_plain(struct gw_str path);

/* The answer to a request whose method was HEAD or not, and that asked for
 * an upgrade or not: both decide the framing. GW_ERR_UPSTREAM_PROTOCOL. */
GW_MUST_CHECK enum gw_err
gw_http_parse_response(const char *buf, size_t head_len, bool to_head,
		       bool to_upgrade, struct gw_http_msg *out,
		       struct gw_error *err);

/* ---- bodies */

/* Reads a body off a byte stream. */
struct gw_http_body {
	enum gw_http_framing framing;
	uint64_t left;       /* of the length or the current chunk */
	uint64_t total;      /* payload bytes so far */
	int state;           /* private */
	uint64_t overhead;   /* bytes of chunk framing so far */
	unsigned line_len;   /* private: bytes of the current chunk line */
	unsigned trailer_len;
	bool is_done;
};

void gw_http_body_init(struct gw_http_body *b, const struct gw_http_msg *m);

/* Takes bytes off the front: `*used` says how many of `len`, and `*data`
 * the run of payload among them (may be empty). Call again with the rest
 * until is_done or nothing is used. Trailers are checked and dropped.
 * GW_ERR_HTTP_BAD_REQUEST with the rule broken. */
GW_MUST_CHECK enum gw_err
gw_http_body_read(struct gw_http_body *b, const char *buf, size_t len,
		  size_t *used, struct gw_str *data, struct gw_error *err);

/* The stream ended: true when the body may end here. */
bool gw_http_body_eof(struct gw_http_body *b);

/* Writes a chunk's head ("1f4\r\n"); at most 18 bytes. Returns its length. */
size_t gw_http_chunk_head(char out[18], size_t len);

/* ---- writing */

struct gw_out { /* a fixed buffer; `bad` once something did not fit */
	char *p;
	size_t cap, len;
	bool bad;
};

/* Inline: a head is written in a few dozen pieces, most of them literals,
 * which are stored in place of a call that copies them. */
static inline void
gw_out_raw(struct gw_out *o, const char *p, size_t len)
{
	if (o->bad || len > o->cap - o->len) {
		o->bad = true;
		return;
	}
	if (len > 0)
		memcpy(o->p + o->len, p, len);
	o->len += len;
}

static inline void
gw_out_str(struct gw_out *o, const char *s)
{
	gw_out_raw(o, s, strlen(s));
}

/* "name: value\r\n"; bytes that may not stand in a value (CTLs but HTAB) make
 * the writer bad: nothing of ours may inject a field. */
void gw_out_field(struct gw_out *o, const char *name, const char *value);
/* RFC 8941 byte sequence, ":base64:" */
void gw_out_bytes_field(struct gw_out *o, const char *name,
			const uint8_t *p, size_t len);

/* Field names only the gateway may set towards an upstream: compared without
 * regard to case, and with '_' and whatever else is neither letter nor digit
 * as '-', like a CGI environment would. `owned` are the configured identity
 * names, ended by NULL. */
bool gw_http_is_owned(struct gw_str name, const char *const *owned);

struct gw_http_forward {
	const char *const *owned;  /* as above */
	const char *extra;         /* our fields, serialised, CRLF-ended */
	size_t extra_len;
	bool upgrade;              /* let the upgrade pass */
};

/* The head towards the upstream: origin form, Host, end-to-end fields minus
 * the owned ones, framing of our own, Max-Forwards one lower, our fields,
 * empty line. The writer turns bad where no forward is left. */
void gw_http_write_request(struct gw_out *o, const struct gw_http_msg *m,
			   const struct gw_http_forward *f);

/* An IMF-fixdate (RFC 9110 5.6.7), NUL-terminated. */
#define GW_HTTP_DATE_SIZE 30
void gw_http_date(char out[GW_HTTP_DATE_SIZE], time_t t);

struct gw_http_reply {
	int client_minor;
	bool keep_alive;  /* towards the client; false adds "close" */
	bool upgrade;     /* let the upgrade pass */
	const char *date; /* for a final response without one */
};

/* The head towards the client: status, end-to-end fields, framing of our own
 * (chunked when the length is not known and the client speaks 1.1), Date if
 * it lacks one (RFC 9110 6.6.1), and Connection. */
void gw_http_write_response(struct gw_out *o, const struct gw_http_msg *m,
			    const struct gw_http_reply *r);

#endif

/* http_priv.h — what the files of the HTTP codec share: the rules by name,
 * character classes, and the parts of a head. Nothing but http_*.c and their
 * tests include it. */
#ifndef GW_HTTP_PRIV_H
#define GW_HTTP_PRIV_H

#include "http.h"

/* Every rule a message can break: X(ID, error towards a client, "name in the
 * log", "what is expected, and where that is written"). In a response the
 * error is always GW_ERR_UPSTREAM_PROTOCOL. */
#define GW_HTTP_RULES(X) \
	X(HEAD_LONG, GW_ERR_HTTP_HEADER_TOO_LARGE, "head-too-long", \
	  "the head exceeds the limit") \
	X(HEAD_END, GW_ERR_HTTP_BAD_REQUEST, "head-end", \
	  "a head ends with its empty line (RFC 9112 2.1)") \
	X(EMPTY_LINES, GW_ERR_HTTP_BAD_REQUEST, "empty-lines", \
	  "at most two empty lines precede a request (RFC 9112 2.2)") \
	X(BARE_CR, GW_ERR_HTTP_BAD_REQUEST, "bare-cr", \
	  "CR stands before LF only (RFC 9112 2.2)") \
	X(BARE_LF, GW_ERR_HTTP_BAD_REQUEST, "bare-lf", \
	  "lines end in CRLF (RFC 9112 2.2)") \
	X(METHOD_TOKEN, GW_ERR_HTTP_BAD_REQUEST, "method-token", \
	  "the method is a token and one space (RFC 9112 3)") \
	X(METHOD_ENDLESS, GW_ERR_HTTP_BAD_REQUEST, "method-endless", \
	  "over 32 bytes of a token and no end of the head: this is not " \
	  "HTTP (RFC 9112 2.2)") \
	X(METHOD_LONG, GW_ERR_HTTP_METHOD, "method-too-long", \
	  "no method has over 32 bytes (RFC 9112 3)") \
	X(METHOD_CASE, GW_ERR_HTTP_BAD_REQUEST, "method-case", \
	  "methods differ by case; this is nearly a known one (RFC 9110 9.1)") \
	X(METHOD_REFUSED, GW_ERR_HTTP_NOT_ALLOWED, "method-refused", \
	  "CONNECT, TRACE and TRACK are not served here (RFC 9110 9.3)") \
	X(REQUEST_LINE, GW_ERR_HTTP_BAD_REQUEST, "request-line", \
	  "method, target and version, one space apart (RFC 9112 3)") \
	X(VERSION_FORM, GW_ERR_HTTP_BAD_REQUEST, "version-form", \
	  "a version is HTTP/, one digit, a dot and one digit " \
	  "(RFC 9112 2.3)") \
	X(VERSION, GW_ERR_HTTP_VERSION, "version", \
	  "HTTP/1 is spoken here, no other major version (RFC 9110 2.5)") \
	X(TARGET_LONG, GW_ERR_HTTP_URI_TOO_LONG, "target-too-long", \
	  "the request target exceeds the limit") \
	X(TARGET_CHAR, GW_ERR_HTTP_BAD_REQUEST, "target-character", \
	  "the byte must be percent-encoded in a target (RFC 3986 2)") \
	X(TARGET_FRAGMENT, GW_ERR_HTTP_BAD_REQUEST, "target-fragment", \
	  "a fragment is never sent (RFC 9110 7.1)") \
	X(TARGET_FORM, GW_ERR_HTTP_BAD_REQUEST, "target-form", \
	  "origin form, absolute form, or * for OPTIONS (RFC 9112 3.2)") \
	X(TARGET_SCHEME, GW_ERR_HTTP_BAD_REQUEST, "target-scheme", \
	  "the scheme is http or https (RFC 9110 4.2)") \
	X(TARGET_USERINFO, GW_ERR_HTTP_BAD_REQUEST, "target-userinfo", \
	  "no user information in an authority (RFC 9110 4.2.4)") \
	X(TARGET_AUTHORITY, GW_ERR_HTTP_BAD_REQUEST, "target-authority", \
	  "the target's authority and Host agree (RFC 9112 3.2)") \
	X(PATH, GW_ERR_HTTP_BAD_REQUEST, "path-not-plain", \
	  "no dot segment, empty segment, stray byte or needless or " \
	  "dangerous percent-encoding in a path (RFC 3986 6.2.2)") \
	X(FIELDS, GW_ERR_HTTP_HEADER_TOO_LARGE, "too-many-fields", \
	  "a head has at most 128 fields") \
	X(OBS_FOLD, GW_ERR_HTTP_BAD_REQUEST, "obs-fold", \
	  "no line of a head begins with white space (RFC 9112 5.2)") \
	X(NAME_EMPTY, GW_ERR_HTTP_BAD_REQUEST, "name-empty", \
	  "a field has a name (RFC 9110 5.1)") \
	X(NAME_SPACE, GW_ERR_HTTP_BAD_REQUEST, "name-space", \
	  "no white space between name and colon (RFC 9112 5.1)") \
	X(NAME_CHAR, GW_ERR_HTTP_BAD_REQUEST, "name-character", \
	  "a field name is a token (RFC 9110 5.1)") \
	X(NAME_ALIAS, GW_ERR_HTTP_BAD_REQUEST, "name-alias", \
	  "the name would pass for Host or a framing field in a CGI " \
	  "environment (RFC 3875 4.1.18)") \
	X(NO_COLON, GW_ERR_HTTP_BAD_REQUEST, "no-colon", \
	  "a field line has a colon (RFC 9112 5)") \
	X(VALUE_NUL, GW_ERR_HTTP_BAD_REQUEST, "value-nul", \
	  "no NUL in a field value (RFC 9110 5.5)") \
	X(VALUE_CONTROL, GW_ERR_HTTP_BAD_REQUEST, "value-control", \
	  "no control character in a field value or reason (RFC 9110 5.5)") \
	X(HOST_MISSING, GW_ERR_HTTP_BAD_REQUEST, "host-missing", \
	  "an HTTP/1.1 request has Host (RFC 9112 3.2)") \
	X(HOST_TWICE, GW_ERR_HTTP_BAD_REQUEST, "host-twice", \
	  "one Host only (RFC 9112 3.2)") \
	X(HOST_EMPTY, GW_ERR_HTTP_BAD_REQUEST, "host-empty", \
	  "http and https have a host (RFC 9110 4.2.1)") \
	X(HOST_INVALID, GW_ERR_HTTP_BAD_REQUEST, "host-invalid", \
	  "a host name or address, perhaps with a port (RFC 9110 7.2)") \
	X(LENGTH_TWICE, GW_ERR_HTTP_BAD_REQUEST, "length-twice", \
	  "one Content-Length only (RFC 9112 6.3)") \
	X(LENGTH_VALUE, GW_ERR_HTTP_BAD_REQUEST, "length-value", \
	  "Content-Length is 1 to 19 digits, below 2^63 (RFC 9110 8.6)") \
	X(LENGTH_AND_CODING, GW_ERR_HTTP_BAD_REQUEST, "length-and-coding", \
	  "Content-Length or Transfer-Encoding, not both (RFC 9112 6.1)") \
	X(CODING_TWICE, GW_ERR_HTTP_BAD_REQUEST, "coding-twice", \
	  "one Transfer-Encoding only (RFC 9112 6.1)") \
	X(CODING_VALUE, GW_ERR_HTTP_BAD_REQUEST, "coding-value", \
	  "Transfer-Encoding is exactly chunked (RFC 9112 6.1)") \
	X(CODING_VERSION, GW_ERR_HTTP_BAD_REQUEST, "coding-version", \
	  "HTTP/1.0 has no Transfer-Encoding (RFC 9112 6.1)") \
	X(OPTION_TOKEN, GW_ERR_HTTP_BAD_REQUEST, "connection-option", \
	  "Connection is a list of tokens (RFC 9110 7.6.1)") \
	X(OPTION_MANY, GW_ERR_HTTP_BAD_REQUEST, "connection-options", \
	  "at most 32 connection options (RFC 9110 5.6.1)") \
	X(OPTION_FRAMING, GW_ERR_HTTP_BAD_REQUEST, "connection-framing", \
	  "Connection does not name Host or a framing field " \
	  "(RFC 9110 7.6.1)") \
	X(EXPECTATION, GW_ERR_HTTP_EXPECTATION, "expectation", \
	  "one Expect of 100-continue (RFC 9110 10.1.1)") \
	X(MAX_FORWARDS, GW_ERR_HTTP_BAD_REQUEST, "max-forwards", \
	  "OPTIONS has one Max-Forwards, of digits (RFC 9110 7.6.2)") \
	X(UPGRADE_TWICE, GW_ERR_HTTP_BAD_REQUEST, "upgrade-twice", \
	  "one Upgrade only") \
	X(UPGRADE_VALUE, GW_ERR_HTTP_BAD_REQUEST, "upgrade-value", \
	  "Upgrade is a list of protocol[/version] (RFC 9110 7.8)") \
	X(UPGRADE_BODY, GW_ERR_HTTP_BAD_REQUEST, "upgrade-body", \
	  "a request to upgrade has no body here") \
	X(STATUS_LINE, GW_ERR_UPSTREAM_PROTOCOL, "status-line", \
	  "version, status and reason, one space apart (RFC 9112 4)") \
	X(STATUS_CODE, GW_ERR_UPSTREAM_PROTOCOL, "status-code", \
	  "the status has three digits, 100 to 599 (RFC 9110 15)") \
	X(STATUS_UPGRADE, GW_ERR_UPSTREAM_PROTOCOL, "status-upgrade", \
	  "101 answers a request to upgrade, and names the protocol " \
	  "(RFC 9110 15.2.2)") \
	X(STATUS_BODY, GW_ERR_UPSTREAM_PROTOCOL, "status-body", \
	  "1xx and 204 announce no body (RFC 9110 8.6, RFC 9112 6.1)") \
	X(CHUNK_SIZE, GW_ERR_HTTP_BAD_REQUEST, "chunk-size", \
	  "a chunk size is 1 to 16 hex digits below 2^63 (RFC 9112 7.1)") \
	X(CHUNK_EXT, GW_ERR_HTTP_BAD_REQUEST, "chunk-extension", \
	  "a chunk extension is ; name, perhaps = token or quoted string " \
	  "(RFC 9112 7.1.1)") \
	X(CHUNK_LINE, GW_ERR_HTTP_BAD_REQUEST, "chunk-line-too-long", \
	  "a chunk line has at most 256 bytes (RFC 9112 7.1.1)") \
	X(CHUNK_OVERHEAD, GW_ERR_HTTP_BAD_REQUEST, "chunk-overhead", \
	  "too much framing for so little data (RFC 9112 7.1.1)") \
	X(CHUNK_END, GW_ERR_HTTP_BAD_REQUEST, "chunk-end", \
	  "chunk data ends in CRLF (RFC 9112 7.1)") \
	X(TRAILER_LONG, GW_ERR_HTTP_BAD_REQUEST, "trailer-too-long", \
	  "trailers have at most 8 KiB (RFC 9110 6.5)")

enum gw_http_rule {
	GW_RULE_OK,
#define X(id, err, name, text) GW_RULE_##id,
	GW_HTTP_RULES(X)
#undef X
	GW_RULE_COUNT
};

/* Fills `err` with the rule's name and text. `code` GW_ERR_OK: the rule's own
 * error. */
enum gw_err gw_http_refuse(struct gw_error *err, enum gw_err code,
			   enum gw_http_rule rule);

/* ---- characters */

#define GW_CT_TEXT    0x01 /* in a field value: VCHAR, SP, HTAB, obs-text */
#define GW_CT_TARGET  0x02 /* in a request target as it is */
#define GW_CT_PATH    0x04 /* in a path as it is; '%' begins an encoding */
#define GW_CT_HOST    0x08 /* in a host name */
#define GW_CT_ENCODED 0x10 /* in a path percent-encoded */

extern const uint8_t gw_http_class[256];

/* A token's characters (RFC 9110 5.6.2): lower case letters and digits, and
 * '-' for all that is neither. 0: not in a token. CGI-like gateways cannot
 * tell these apart, so a name that nothing but our eyes tell from one of ours
 * counts as ours. */
extern const uint8_t gw_http_fold[256];

static inline bool
gw_http_is(char c, unsigned classes)
{
	return (gw_http_class[(uint8_t)c] & classes) != 0;
}

static inline bool
gw_http_is_token(char c)
{
	return gw_http_fold[(uint8_t)c] != 0;
}

static inline bool
gw_http_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
gw_http_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Without regard to ASCII case; `lower` is in lower case. */
bool gw_http_is_word(struct gw_str s, const char *lower);
bool gw_http_same(struct gw_str a, struct gw_str b);

/* ---- parts of a head */

/* The name's id, read with every '-' for its alias; `out_alias`: written
 * otherwise than in the standard, save for case. */
enum gw_http_name gw_http_lookup(struct gw_str name, bool *out_alias);

/* Sorts out target, path and host; Host must have been stored in m->host. */
enum gw_http_rule gw_http_read_target(struct gw_http_msg *m);
enum gw_http_rule gw_http_check_host(struct gw_str host);

struct gw_http_head {
	const char *p;    /* the next byte */
	const char *end;  /* end[-1] is LF, where every scan stops */
	struct gw_http_msg *m;
	uint32_t seen;    /* bit per enum gw_http_name */
	unsigned option_count;
	bool is_request;
	bool says_close, says_keep_alive, says_upgrade;
};

/* CRLF, or the rule that the byte instead of it breaks. */
enum gw_http_rule gw_http_take_crlf(struct gw_http_head *h);
/* All field lines and the empty line; then what they say together. */
enum gw_http_rule gw_http_take_fields(struct gw_http_head *h);
/* As if none had been asked for. */
void gw_http_decline_upgrade(struct gw_http_msg *m);
const char *gw_http_skip_text(const char *p, const char *end);

static inline bool
gw_http_has(const struct gw_http_head *h, enum gw_http_name id)
{
	return (h->seen >> id & 1) != 0;
}

#endif

/* http.h — one HTTP request as a user's client makes it: libcurl, a card, a
 * version of TLS. What comes back lives until the test ends. */
#ifndef E2E_HTTP_H
#define E2E_HTTP_H

#include <curl/curl.h>
#include <jansson.h>
#include "lab.h"

struct ask {
	const char *base;  /* NULL: GATEWAY_URL */
	const char *path;  /* NULL: "/echo/" */
	const char *card;  /* NULL: none */
	int tls;           /* 12, 13, or 0: as it comes */
	const char *accept;
	const char *const *headers; /* "Name: value", ended by NULL */
	int timeout_ms;    /* 0: 15 s */
	CURL *handle;      /* NULL: a connection for this request alone */
};

struct answer {
	CURLcode code;     /* CURLE_OK: an answer came */
	char error[CURL_ERROR_SIZE];
	long status;       /* 0 when none came */
	char *type;        /* Content-Type; "" when there is none */
	char *head, *body;
	size_t body_len;
	int took_ms;
	long connects;     /* new connections made for it */
};

struct answer fetch(struct ask a);
#define FETCH(...) fetch((struct ask){ __VA_ARGS__ })

/* A handle for several requests over one connection, for ask.handle. */
CURL *handle_new(void);
/* All options of `a` but the path's consequences; for tests that upload. */
void handle_set(CURL *h, const struct ask *a, struct answer *out);
/* Performs what was set. */
void handle_run(CURL *h, struct answer *out);

/* The body as JSON; ends the test when it is none. */
json_t *json_of(const struct answer *a);
/* A member's text, "" when missing. */
const char *json_text(const json_t *o, const char *key);
/* "ok" when it was let through, else the reason it was told, or what broke. */
const char *reason_of(const struct answer *a);

/* What /echo/ says that arrived: how often a field (any case), and its first
 * value, NULL when it did not. */
size_t field_count(const json_t *echo, const char *name);
const char *field_value(const json_t *echo, const char *name);

#endif

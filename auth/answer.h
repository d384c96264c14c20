/* auth/answer.h — one HTTP/1.1 exchange of a client as bytes in, bytes out.
 * Linked into gwd-auth. Moves nothing itself: the caller sends what
 * gw_answer_request() gives and feeds what it receives, in pieces of any
 * size. Answers are read as strictly as gwd-proxy reads those of upstreams
 * (base/http); nothing is decoded, nothing is followed. */
#ifndef GW_ANSWER_H
#define GW_ANSWER_H

#include "gw/compiler.h"
#include "gw/proto.h"
#include "gw/url.h"

struct gw_answer;

struct gw_question {
	const struct gw_url *url;
	const char *type;     /* media type of `body` */
	struct gw_der body;   /* empty: GET, else POST */
	const char *expected; /* media type of the answer; NULL: any */
	size_t max;           /* bytes of its body */
	int fd;               /* where its body goes; -1: into memory */
};

/* All is copied but `fd`, which stays the caller's and must outlive it. NULL
 * when the request does not fit its buffer. */
struct gw_answer *gw_answer_new(const struct gw_question *q) GW_MUST_CHECK;
void gw_answer_free(struct gw_answer *a); /* NULL is fine */

/* The whole request; borrowed. */
struct gw_der gw_answer_request(const struct gw_answer *a);

enum gw_answer_state { GW_ANSWER_MORE, GW_ANSWER_DONE, GW_ANSWER_FAILED };

/* `is_end`: nothing will follow. DONE only for status 200 with a body. */
enum gw_answer_state gw_answer_feed(struct gw_answer *a, const void *p,
				    size_t len, bool is_end);

bool gw_answer_has_begun(const struct gw_answer *a); /* a byte has come */
/* When DONE: */
struct gw_der gw_answer_body(const struct gw_answer *a); /* memory; borrowed */
uint64_t gw_answer_len(const struct gw_answer *a);
bool gw_answer_may_reuse(const struct gw_answer *a); /* the connection */
/* When FAILED: */
const char *gw_answer_error(const struct gw_answer *a);
int gw_answer_status(const struct gw_answer *a); /* 0: no head was read */
/* Where a redirect points to, or "". */
const char *gw_answer_location(const struct gw_answer *a);

#endif

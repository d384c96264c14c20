/* insider.h — somebody who is in before others come or something breaks, with
 * a connection and a tunnel: both are to go on without waiting. */
#ifndef E2E_INSIDER_H
#define E2E_INSIDER_H

#include "http.h"
#include "wire.h"

struct insider {
	const char *base;
	struct wire *tunnel;
	CURL *h;
};

struct insider insider_new(const char *base);
/* The same connections are answered, each within the time. */
void expect_undisturbed(const char *what, struct insider *in, int within_ms);
void insider_free(struct insider *in);

#endif

/* naive.h — a second reading of HTTP/1.1, for the fuzz targets: as an
 * upstream's simple server would do it, with memmem and a loop, sharing no
 * code and no table with the codec. It is lenient; what the codec lets pass
 * must mean the same to it. */
#ifndef FUZZ_NAIVE_H
#define FUZZ_NAIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAIVE_FIELDS 512

struct naive_text {
	const char *p;
	size_t len;
};

struct naive_head {
	struct naive_text part[3]; /* of the start line, at its spaces */
	struct naive_text name[NAIVE_FIELDS], value[NAIVE_FIELDS];
	size_t count;
	size_t len; /* with the empty line */
};

bool naive_same(struct naive_text a, struct naive_text b);
/* Without regard to case. */
bool naive_is(struct naive_text a, const char *b);
/* The same with all but letters and digits taken as one. */
bool naive_looks_like(struct naive_text a, const char *b);

/* A whole head from `p`, empty lines before it skipped. */
bool naive_read_head(const char *p, size_t len, struct naive_head *out);

/* How many fields have the name; the last one's value. */
size_t naive_find(const struct naive_head *h, const char *name,
		  struct naive_text *out);

/* Fields of a head by which a codec's may differ. */
typedef bool naive_which(const struct naive_head *h, size_t i);

/* The fields of `out` must be those of `in` in their order, but for those of
 * `in` that are dropped and those of `out` that are the gateway's own. */
bool naive_is_forwarded(const struct naive_head *in, naive_which *is_dropped,
			const struct naive_head *out, naive_which *is_ours);

/* Whether `name` is an element of any Connection field. */
bool naive_is_option(const struct naive_head *h, struct naive_text name);

/* Digits as a number; false if there is anything else. */
bool naive_number(struct naive_text t, unsigned base, uint64_t *out);

/* A chunked body from `p`: its payload to `out`, which has room for `len`. */
bool naive_read_chunks(const char *p, size_t len, char *out, size_t *out_len,
		       size_t *used);

#endif

/* naive.c — see naive.h. */
#include "naive.h"

#include <string.h>

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static char
plain(char c)
{
	c = lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '_';
}

bool
naive_same(struct naive_text a, struct naive_text b)
{
	return a.len == b.len && (a.len == 0 || !memcmp(a.p, b.p, a.len));
}

bool
naive_is(struct naive_text a, const char *b)
{
	if (a.len != strlen(b))
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.p[i]) != lower(b[i]))
			return false;
	return true;
}

bool
naive_looks_like(struct naive_text a, const char *b)
{
	if (a.len != strlen(b))
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (plain(a.p[i]) != plain(b[i]))
			return false;
	return true;
}

static struct naive_text
trim(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return (struct naive_text){ p, (size_t)(end - p) };
}

static void
split_start(const char *p, const char *end, struct naive_text part[3])
{
	for (int i = 0; i < 3; i++) {
		const char *sp = memchr(p, ' ', (size_t)(end - p));
		const char *stop = i < 2 && sp != NULL ? sp : end;

		part[i] = (struct naive_text){ p, (size_t)(stop - p) };
		p = stop < end ? stop + 1 : end;
	}
}

bool
naive_read_head(const char *p, size_t len, struct naive_head *out)
{
	const char *start = p, *end = p + len, *eol, *colon;
	bool is_first = true;

	out->count = 0;
	while (end - p >= 2 && memcmp(p, "\r\n", 2) == 0)
		p += 2;
	for (;; p = eol + 2, is_first = false) {
		eol = memmem(p, (size_t)(end - p), "\r\n", 2);
		if (eol == NULL)
			return false;
		if (eol == p)
			break;
		if (is_first) {
			split_start(p, eol, out->part);
			continue;
		}
		colon = memchr(p, ':', (size_t)(eol - p));
		if (colon == NULL || out->count == NAIVE_FIELDS)
			return false;
		out->name[out->count] = trim(p, colon);
		out->value[out->count++] = trim(colon + 1, eol);
	}
	out->len = (size_t)(eol + 2 - start);
	return !is_first;
}

size_t
naive_find(const struct naive_head *h, const char *name,
	   struct naive_text *out)
{
	size_t n = 0;

	for (size_t i = 0; i < h->count; i++) {
		if (!naive_is(h->name[i], name))
			continue;
		*out = h->value[i];
		n++;
	}
	return n;
}

static bool
is_in_list(struct naive_text list, struct naive_text name)
{
	const char *p = list.p, *end = list.p + list.len;

	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		struct naive_text item = trim(p, comma ? comma : end);
		size_t i = 0;

		while (i < item.len && item.len == name.len &&
		       lower(item.p[i]) == lower(name.p[i]))
			i++;
		if (i == name.len && item.len == name.len)
			return true;
		p = comma ? comma + 1 : end;
	}
	return false;
}

bool
naive_is_forwarded(const struct naive_head *in, naive_which *is_dropped,
		   const struct naive_head *out, naive_which *is_ours)
{
	size_t o = 0;

	for (size_t i = 0; i < in->count; i++) {
		if (is_dropped(in, i))
			continue;
		while (o < out->count && is_ours(out, o))
			o++;
		if (o == out->count ||
		    !naive_same(in->name[i], out->name[o]) ||
		    !naive_same(in->value[i], out->value[o]))
			return false;
		o++;
	}
	while (o < out->count && is_ours(out, o))
		o++;
	return o == out->count;
}

bool
naive_is_option(const struct naive_head *h, struct naive_text name)
{
	for (size_t i = 0; i < h->count; i++)
		if (naive_is(h->name[i], "connection") &&
		    is_in_list(h->value[i], name))
			return true;
	return false;
}

bool
naive_number(struct naive_text t, unsigned base, uint64_t *out)
{
	static const char digits[] = "0123456789abcdef";
	const char *at;

	*out = 0;
	for (size_t i = 0; i < t.len; i++) {
		at = memchr(digits, lower(t.p[i]), base);
		if (at == NULL || *out > UINT64_MAX / base - 1)
			return false;
		*out = *out * base + (uint64_t)(at - digits);
	}
	return t.len > 0;
}

/* Lines up to an empty one. */
static bool
skip_trailers(const char **p, const char *end)
{
	const char *eol;

	do {
		eol = memmem(*p, (size_t)(end - *p), "\r\n", 2);
		if (eol == NULL)
			return false;
		if (eol == *p)
			break;
		*p = eol + 2;
	} while (true);
	*p = eol + 2;
	return true;
}

bool
naive_read_chunks(const char *p, size_t len, char *out, size_t *out_len,
		  size_t *used)
{
	const char *start = p, *end = p + len, *eol, *semi;
	uint64_t size;

	for (*out_len = 0;; p += size + 2) {
		eol = memmem(p, (size_t)(end - p), "\r\n", 2);
		if (eol == NULL)
			return false;
		semi = memchr(p, ';', (size_t)(eol - p));
		if (!naive_number(trim(p, semi ? semi : eol), 16, &size))
			return false;
		p = eol + 2;
		if (size == 0)
			break;
		if (size > (uint64_t)(end - p) ||
		    (uint64_t)(end - p) - size < 2)
			return false;
		memcpy(out + *out_len, p, size);
		*out_len += size;
	}
	if (!skip_trailers(&p, end))
		return false;
	*used = (size_t)(p - start);
	return true;
}

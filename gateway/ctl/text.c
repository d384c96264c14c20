/* text.c — see text.h. */
#include "text.h"
#include "gw/util.h"

#include <inttypes.h>
#include <string.h>

/* ---- one character of UTF-8 */

static size_t
length_by_first(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		return 2;
	if (c >= 0xe0 && c <= 0xef)
		return 3;
	return c >= 0xf0 && c <= 0xf4 ? 4 : 0;
}

/* Bytes taken, at least 1; `*out` is 0 for what is not UTF-8. */
static size_t
decode(const char *s, uint32_t *out)
{
	static const uint8_t mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	size_t n = length_by_first((unsigned char)*s);
	uint32_t c = n > 0 ? (unsigned char)*s & mask[n] : 0;

	*out = 0;
	if (n == 0)
		return 1;
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return i;
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	}
	*out = c;
	return n;
}

static bool
is_harmless(uint32_t c)
{
	static const struct { uint32_t from, to; } bad[] = {
		{ 0x00, 0x1f }, { 0x7f, 0x9f }, { 0xad, 0xad },
		{ 0x61c, 0x61c }, { 0x200b, 0x200f }, { 0x2028, 0x202e },
		{ 0x2060, 0x2069 }, { 0xd800, 0xdfff }, { 0xfeff, 0xfeff },
		{ 0xfff9, 0xfffb }, { 0xe0000, 0xe0fff },
	};

	for (size_t i = 0; i < GW_COUNT(bad); i++)
		if (c >= bad[i].from && c <= bad[i].to)
			return false;
	return true;
}

size_t
gw_text_width(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* ---- whole texts */

#define ELLIPSIS "\xe2\x80\xa6"

void
gw_text_safe(const char *s, size_t width, char out[GW_CELL_MAX])
{
	size_t len = 0, columns = 0, cut_at = 0;
	uint32_t c;

	while (*s != '\0') {
		size_t n = decode(s, &c);
		bool ok = is_harmless(c);

		if (columns + 1 == width)
			cut_at = len; /* where the ellipsis would go */
		if (columns == width || len + n + sizeof(ELLIPSIS) >
					       GW_CELL_MAX) {
			len = columns == width ? cut_at : len;
			memcpy(out + len, ELLIPSIS, sizeof(ELLIPSIS));
			return;
		}
		if (ok)
			memcpy(out + len, s, n);
		else
			out[len] = '?';
		len += ok ? n : 1;
		columns++;
		s += n;
	}
	out[len] = '\0';
}

void
gw_text_duration(int64_t s, char out[GW_CELL_MAX])
{
	static const struct {
		int64_t big, small;
		const char *big_unit, *small_unit;
	} t[] = {
		{ 31536000, 86400, "y", "d" }, { 86400, 3600, "d", "h" },
		{ 3600, 60, "h", "min" }, { 60, 1, "min", "s" },
	};

	if (s < 0)
		s = 0;
	for (size_t i = 0; i < GW_COUNT(t); i++)
		if (s >= t[i].big) {
			snprintf(out, GW_CELL_MAX,
				 "%" PRId64 " %s %" PRId64 " %s",
				 s / t[i].big, t[i].big_unit,
				 s % t[i].big / t[i].small, t[i].small_unit);
			return;
		}
	snprintf(out, GW_CELL_MAX, "%" PRId64 " s", s);
}

void
gw_text_latency(int64_t us, char out[GW_CELL_MAX])
{
	if (us < 1000)
		snprintf(out, GW_CELL_MAX, "%" PRId64 " us", us);
	else if (us < 1000000)
		snprintf(out, GW_CELL_MAX, "%.1f ms", (double)us / 1e3);
	else
		snprintf(out, GW_CELL_MAX, "%.2f s", (double)us / 1e6);
}

void
gw_text_wrap(FILE *out, const char *s, int indent, int width)
{
	char word[GW_CELL_MAX], part[GW_CELL_MAX];
	int column = indent;

	while (*(s += strspn(s, " ")) != '\0') {
		size_t len = GW_MIN(strcspn(s, " "), sizeof(part) - 1);
		int w;

		memcpy(part, s, len);
		part[len] = '\0';
		s += len;
		gw_text_safe(part, GW_CELL_MAX, word);
		w = (int)gw_text_width(word);
		if (column > indent && column + 1 + w > width) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
		}
		column += fprintf(out, "%s", column > indent ? " " : "") + w;
		fputs(word, out);
	}
	fputc('\n', out);
}

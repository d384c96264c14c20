/* test_text.c — text for terminals. */
#include "text.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct { const char *what, *in, *out; size_t width; } safe[] = {
	{ "escape sequence", "a\033[31mb", "a?[31mb", 99 },
	{ "newline and tab", "a\nb\tc\r", "a?b?c?", 99 },
	{ "bell and delete", "\a\x7f", "??", 99 },
	{ "C1 control", "x\xc2\x9b" "31m", "x?31m", 99 },
	{ "bidi override", "a\xe2\x80\xae" "b", "a?b", 99 },
	{ "isolate", "\xe2\x81\xa6", "?", 99 },
	{ "zero width", "a\xe2\x80\x8b" "b", "a?b", 99 },
	{ "not UTF-8", "\xff\xfe\x80", "???", 99 },
	{ "cut UTF-8", "a\xe2\x82", "a?", 99 },
	{ "overlong", "\xc0\x80", "??", 99 },
	{ "surrogate", "\xed\xa0\x80", "?", 99 },
	{ "letters", "\xc3\xa4\xe2\x82\xac", "\xc3\xa4\xe2\x82\xac", 99 },
	{ "fits", "abcde", "abcde", 5 },
	{ "cut", "abcdef", "abcd\xe2\x80\xa6", 5 },
	{ "cut behind a letter", "\xc3\xa4\xc3\xa4\xc3\xa4",
	  "\xc3\xa4\xe2\x80\xa6", 2 },
	{ "empty", "", "", 5 },
};

Test(text, safe)
{
	for (size_t i = 0; i < GW_COUNT(safe); i++) {
		char out[GW_CELL_MAX];

		gw_text_safe(safe[i].in, safe[i].width, out);
		cr_expect_str_eq(out, safe[i].out, "%s: '%s'", safe[i].what,
				 out);
	}
}

Test(text, long_text_stays_in_its_cell)
{
	char in[1000], out[GW_CELL_MAX];

	memset(in, 'x', sizeof(in) - 1);
	in[sizeof(in) - 1] = '\0';
	gw_text_safe(in, 10000, out);
	cr_expect_lt(strlen(out), sizeof(out));
	cr_expect_str_eq(out + strlen(out) - 3, "\xe2\x80\xa6");
}

static const struct { int64_t s; const char *out; } durations[] = {
	{ -5, "0 s" }, { 0, "0 s" }, { 59, "59 s" }, { 60, "1 min 0 s" },
	{ 3599, "59 min 59 s" }, { 3600, "1 h 0 min" },
	{ 86399, "23 h 59 min" }, { 86400, "1 d 0 h" },
	{ 31536000, "1 y 0 d" }, { 68000000, "2 y 57 d" },
};

Test(text, duration)
{
	char out[GW_CELL_MAX];

	for (size_t i = 0; i < GW_COUNT(durations); i++) {
		gw_text_duration(durations[i].s, out);
		cr_expect_str_eq(out, durations[i].out);
	}
}

Test(text, units)
{
	char out[GW_CELL_MAX];

	gw_text_latency(999, out);
	cr_expect_str_eq(out, "999 us");
	gw_text_latency(3210, out);
	cr_expect_str_eq(out, "3.2 ms");
	gw_text_latency(1250000, out);
	cr_expect_str_eq(out, "1.25 s");
}

Test(text, wrap)
{
	char *p = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&p, &len);

	gw_text_wrap(f, "one two  three\nfour five", 2, 12);
	fclose(f);
	cr_expect_str_eq(p, "one two\n  three?four\n  five\n", "%s", p);
	free(p);
}

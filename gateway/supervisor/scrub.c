/* scrub.c — see scrub.h. One pass; each state consumes what belongs to it. */
#include "scrub.h"

#include <string.h>

#define DEPTH_MAX 16 /* sections in sections, and a list in them */

struct scan {
	char *p, *end;
	int line;
	int opened[DEPTH_MAX]; /* lines of the braces that are open */
	size_t depth;
	bool in_word; /* inside an unquoted word: no comment begins here */
	struct gw_complaint *c;
};

static bool
starts(const struct scan *s, const char *what)
{
	size_t len = strlen(what);

	return (size_t)(s->end - s->p) >= len && memcmp(s->p, what, len) == 0;
}

static bool
line_comment(struct scan *s)
{
	while (s->p < s->end && *s->p != '\n')
		*s->p++ = ' ';
	return true;
}

static bool
block_comment(struct scan *s)
{
	int first = s->line;

	while (s->p < s->end && !starts(s, "*/")) {
		if (*s->p == '\n')
			s->line++;
		else
			*s->p = ' ';
		s->p++;
	}
	if (s->p == s->end)
		return gw_complain(s->c, first, "this comment has no end");
	memset(s->p, ' ', 2);
	s->p += 2;
	return true;
}

/* A newline in a string is a forgotten quote, never meant. */
static bool
string(struct scan *s)
{
	char quote = *s->p++;

	for (; s->p < s->end && *s->p != '\n'; s->p++) {
		if (*s->p == '\\' && s->p + 1 < s->end && s->p[1] != '\n')
			s->p++;
		else if (*s->p == quote) {
			s->p++;
			return true;
		}
	}
	return gw_complain(s->c, s->line, "this string has no closing %c",
			   quote);
}

static bool
brace(struct scan *s, char ch)
{
	if (ch == '{' && s->depth == DEPTH_MAX)
		return gw_complain(s->c, s->line, "too many { in each other");
	if (ch == '{')
		s->opened[s->depth++] = s->line;
	else if (s->depth == 0)
		return gw_complain(s->c, s->line, "this } closes nothing");
	else
		s->depth--;
	return true;
}

static bool
plain(struct scan *s)
{
	unsigned char ch = (unsigned char)*s->p;

	if (ch == '\r')
		*s->p = ' ';
	else if (ch == '*' || ch == '+')
		return gw_complain(s->c, s->line,
				   "unexpected '%c'; put the value in quotes",
				   ch);
	else if (ch < 0x20 && ch != '\t' && ch != '\n')
		return gw_complain(s->c, s->line,
				   "unexpected control character 0x%02x", ch);
	else if ((ch == '{' || ch == '}') && !brace(s, (char)ch))
		return false;
	s->line += ch == '\n';
	s->in_word = strchr(" \t\r\n={}(),", ch) == NULL;
	s->p++;
	return true;
}

static bool
step(struct scan *s)
{
	if (*s->p == '#' || (!s->in_word && starts(s, "//")))
		return line_comment(s);
	if (!s->in_word && starts(s, "/*"))
		return block_comment(s);
	if (*s->p != '"' && *s->p != '\'')
		return plain(s);
	s->in_word = false;
	return string(s);
}

bool
gw_scrub(char *text, size_t len, struct gw_complaint *c)
{
	struct scan s = { .p = text, .end = text + len, .line = 1, .c = c };

	while (s.p < s.end)
		if (!step(&s))
			return false;
	/* libconfuse takes a file that was cut off for a whole one */
	if (s.depth > 0)
		return gw_complain(c, s.opened[s.depth - 1],
				   "this { has no closing }");
	return true;
}

/* hostnames.c — see hostnames.h. Lines of words; `#` and `;` begin comments. */
#include "hostnames.h"
#include "gw/util.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WORD_MAX  256
#define WORDS_MAX 32 /* of a line; more are passed over */

/* ---- lines and words */

struct text {
	const char *p, *end;
};

static bool
next_line(struct text *t, struct text *line)
{
	const char *nl;

	if (t->p == t->end)
		return false;
	nl = memchr(t->p, '\n', (size_t)(t->end - t->p));
	line->p = t->p;
	line->end = nl != NULL ? nl : t->end;
	t->p = nl != NULL ? nl + 1 : t->end;
	return true;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* A word that is too long is passed over. */
static bool
next_word(struct text *line, char out[WORD_MAX])
{
	const char *start;
	size_t len;

	do {
		while (line->p < line->end && is_blank(*line->p))
			line->p++;
		if (line->p == line->end || *line->p == '#' ||
		    *line->p == ';')
			return false;
		start = line->p;
		while (line->p < line->end && !is_blank(*line->p) &&
		       *line->p != '#')
			line->p++;
		len = (size_t)(line->p - start);
	} while (len >= WORD_MAX || memchr(start, '\0', len) != NULL);
	memcpy(out, start, len);
	out[len] = '\0';
	return true;
}

/* ---- addresses */

bool
gw_addrs_add_text(struct gw_addrs *a, const char *text, uint16_t port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET,
				  .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
				   .sin6_port = htons(port) };

	if (a->n >= GW_ADDRS_MAX)
		return false;
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		memcpy(&a->v[a->n], &v4, sizeof(v4));
		a->len[a->n++] = sizeof(v4);
		return true;
	}
	if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
		memcpy(&a->v[a->n], &v6, sizeof(v6));
		a->len[a->n++] = sizeof(v6);
		return true;
	}
	return false;
}

static bool
has_word(struct text *line, const char *name)
{
	char word[WORD_MAX];

	for (size_t i = 0; i < WORDS_MAX && next_word(line, word); i++)
		if (strcasecmp(word, name) == 0)
			return true;
	return false;
}

void
gw_hosts_find(const char *text, size_t len, const char *name, uint16_t port,
	      struct gw_addrs *out)
{
	struct text t = { text, text + len }, line;
	char address[WORD_MAX];

	while (out->n < GW_ADDRS_MAX && next_line(&t, &line))
		if (next_word(&line, address) && has_word(&line, name))
			(void)gw_addrs_add_text(out, address, port);
}

/* ---- resolv.conf */

/* ADDRESS, or [ADDRESS]:PORT as OpenBSD has it; "" when it is neither. */
static void
normalize(const char *word, char out[WORD_MAX])
{
	struct gw_addrs a = { .n = 0 };
	const char *close = strchr(word, ']'), *port = "53";
	char bare[WORD_MAX];

	out[0] = '\0';
	gw_format(bare, sizeof(bare), "%s", word);
	if (word[0] == '[' && close != NULL && close[1] == ':') {
		gw_format(bare, sizeof(bare), "%.*s", (int)(close - word) - 1,
			  word + 1);
		port = close + 2;
	}
	if (strspn(port, "0123456789") == strlen(port) &&
	    gw_addrs_add_text(&a, bare, 53))
		gw_format(out, WORD_MAX,
			  a.v[0].ss_family == AF_INET ? "%s:%s" : "[%s]:%s",
			  bare, port);
}

static size_t
count_servers(const struct gw_resolv *r)
{
	size_t n = r->servers[0] != '\0';

	for (const char *s = r->servers; (s = strchr(s, ',')) != NULL; s++)
		n++;
	return n;
}

static void
add_server(struct gw_resolv *r, struct text *line)
{
	char word[WORD_MAX], server[WORD_MAX];
	size_t len = strlen(r->servers);

	if (count_servers(r) >= GW_NAMESERVERS || !next_word(line, word))
		return;
	normalize(word, server);
	if (server[0] != '\0')
		gw_format(r->servers + len, sizeof(r->servers) - len, "%s%s",
			  len > 0 ? "," : "", server);
}

/* The last one counts. */
static void
set_search(struct gw_resolv *r, struct text *line)
{
	char word[WORD_MAX];

	r->search_count = 0;
	while (r->search_count < GW_SEARCH_MAX && next_word(line, word))
		memcpy(r->search[r->search_count++], word, WORD_MAX);
}

static void
set_number(const char *word, const char *name, long max, int *out)
{
	size_t len = strlen(name);
	long n;

	if (strncmp(word, name, len) != 0)
		return;
	n = strtol(word + len, NULL, 10);
	*out = (int)GW_MIN(GW_MAX(n, 0L), max);
}

static void
set_options(struct gw_resolv *r, struct text *line)
{
	char word[WORD_MAX];

	while (next_word(line, word)) {
		set_number(word, "ndots:", 15, &r->ndots);
		set_number(word, "timeout:", 30, &r->timeout_s);
		set_number(word, "attempts:", 5, &r->attempts);
	}
}

static const struct {
	const char *word;
	void (*fn)(struct gw_resolv *r, struct text *line);
} directives[] = {
	{ "nameserver", add_server }, { "search", set_search },
	{ "domain", set_search }, { "options", set_options },
};

void
gw_resolv_read(const char *text, size_t len, struct gw_resolv *out)
{
	struct text t = { text, text + len }, line;
	char word[WORD_MAX];

	*out = (struct gw_resolv){ .ndots = 1 };
	while (next_line(&t, &line)) {
		if (!next_word(&line, word))
			continue;
		for (size_t i = 0; i < GW_COUNT(directives); i++)
			if (strcmp(word, directives[i].word) == 0)
				directives[i].fn(out, &line);
	}
}

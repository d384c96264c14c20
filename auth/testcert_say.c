/* testcert_say.c — the result in lines for people or as JSON. What a
 * certificate says about itself must neither steer a terminal nor break the
 * document. */
#include "testcert.h"

#include <stdio.h>

#define FIRST_PRINTABLE 0x20

/* Bytes beyond ASCII pass in lines only when they are UTF-8, which details
 * are not known to be; so they do not pass. */
static void
put(const char *s, bool json)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < FIRST_PRINTABLE || c >= 0x7f)
			putchar('?');
		else if (json && (c == '"' || c == '\\'))
			printf("\\%c", c);
		else
			putchar(c);
	}
}

static const struct gw_test_stage *
first_refusal(const struct gw_test_stage *stages, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (stages[i].is_reached && stages[i].why.code != GW_ERR_OK)
			return &stages[i];
	return NULL;
}

static void
say_json_stage(const struct gw_test_stage *s, bool is_first)
{
	printf("%s{\"stage\": \"%s\", \"ok\": %s, \"reason\": \"%s\", "
	       "\"detail\": \"",
	       is_first ? "" : ", ", s->name,
	       s->why.code == GW_ERR_OK ? "true" : "false",
	       gw_err_name(s->why.code));
	put(s->why.detail, true);
	printf("\", \"us\": %llu}", (unsigned long long)s->us);
}

static void
say_json(const struct gw_test_stage *stages, size_t n)
{
	const struct gw_test_stage *bad = first_refusal(stages, n);

	printf("{\"accepted\": %s, \"reason\": \"%s\", \"detail\": \"",
	       bad == NULL ? "true" : "false",
	       gw_err_name(bad == NULL ? GW_ERR_OK : bad->why.code));
	put(bad == NULL ? "" : bad->why.detail, true);
	fputs("\", \"stages\": [", stdout);
	for (size_t i = 0; i < n && stages[i].is_reached; i++)
		say_json_stage(&stages[i], i == 0);
	puts("]}");
}

static void
say_line(const struct gw_test_stage *s)
{
	printf("%-10s  %-26s  ", s->name,
	       s->is_reached ? gw_err_name(s->why.code) : "-");
	put(s->is_reached ? s->why.detail : "not reached", false);
	if (s->is_reached)
		printf("  (%llu us)", (unsigned long long)s->us);
	putchar('\n');
}

void
gw_test_say(const struct gw_test_stage *stages, size_t n, bool json)
{
	const struct gw_test_stage *bad = first_refusal(stages, n);

	if (json) {
		say_json(stages, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		say_line(&stages[i]);
	if (bad == NULL) {
		puts("accepted");
		return;
	}
	printf("refused: %s\n  cause: %s\n  cure:  %s\n",
	       gw_err_name(bad->why.code), gw_err_cause(bad->why.code),
	       gw_err_cure(bad->why.code));
}

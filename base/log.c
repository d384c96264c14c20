/* log.c — see gw/log.h. One write(2) per line, so that lines of several
 * processes and threads do not mix. */
#include "gw/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096
#define VALUE_MAX      256

static const char *process_name = "gwd";
static enum gw_level max_level = GW_LOG_INFO;

struct line {
	char buf[LINE_MAX_BYTES];
	size_t len;
};

bool
gw_log_level(const char *name, enum gw_level *out)
{
	static const struct { const char *name; enum gw_level level; } t[] = {
		{ "error", GW_LOG_ERR }, { "warning", GW_LOG_WARN },
		{ "info", GW_LOG_INFO }, { "debug", GW_LOG_DEBUG },
	};

	for (size_t i = 0; i < GW_COUNT(t); i++)
		if (strcmp(name, t[i].name) == 0) {
			*out = t[i].level;
			return true;
		}
	return false;
}

void
gw_log_init(const char *process, enum gw_level max)
{
	process_name = process;
	max_level = max;
}

bool
gw_log_wants(enum gw_level level)
{
	return level <= max_level;
}

/* Room for the closing quote and newline is always kept. */
static void
put(struct line *l, char c)
{
	if (l->len < sizeof(l->buf) - 2)
		l->buf[l->len++] = c;
}

static void
put_text(struct line *l, const char *s)
{
	while (*s != '\0')
		put(l, *s++);
}

static bool
is_bare(const char *s)
{
	return *s != '\0' && strpbrk(s, " \"=\\") == NULL;
}

/* Control characters become '?', quote and backslash are escaped, bytes of
 * UTF-8 pass: a value cannot end its quotes nor its line. */
static void
put_value(struct line *l, const char *s)
{
	bool bare = is_bare(s);

	if (!bare)
		put(l, '"');
	for (size_t i = 0; s[i] != '\0' && i < VALUE_MAX; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\')
			put(l, '\\');
		put(l, c < 0x20 || c == 0x7f ? '?' : (char)c);
	}
	if (!bare)
		put(l, '"');
}

void
gw_event(enum gw_level level, const char *event, ...)
{
	struct line l = { .len = 0 };
	const char *key, *value;
	char head[16];
	va_list ap;
	ssize_t n;

	if (level > max_level)
		return;
	snprintf(head, sizeof(head), "<%d>", (int)level);
	put_text(&l, head);
	put_text(&l, process_name);
	put_text(&l, ": ");
	put_text(&l, event);
	va_start(ap, event);
	while ((key = va_arg(ap, const char *)) != NULL) {
		value = va_arg(ap, const char *);
		put(&l, ' ');
		put_text(&l, key);
		put(&l, '=');
		put_value(&l, value != NULL && *value != '\0' ? value : "-");
	}
	va_end(ap);
	l.buf[l.len++] = '\n';
	n = write(STDERR_FILENO, l.buf, l.len);
	(void)n; /* a full or closed log must not stop the gateway */
}

const char *
gw_num_format(struct gw_num *buf, int64_t n)
{
	snprintf(buf->s, sizeof(buf->s), "%lld", (long long)n);
	return buf->s;
}

/* util.c — see gw/util.h. */
#include "gw/util.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static GW_NORETURN void
die(const char *what)
{
	/* fputs may allocate; write(2) does not. */
	ssize_t n = write(STDERR_FILENO, what, strlen(what));

	(void)n;
	abort();
}

void
gw_assert_failed(const char *expr, const char *file, int line)
{
	char msg[256];

	snprintf(msg, sizeof(msg), "<2>invariant broken: %s (%s:%d)\n", expr,
		 file, line);
	die(msg);
}

void *
gw_xcalloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL && n != 0 && size != 0)
		die("<2>out of memory\n");
	return p;
}

void *
gw_xrealloc(void *p, size_t n, size_t size)
{
	void *q = reallocarray(p, n, size);

	if (q == NULL && n != 0 && size != 0)
		die("<2>out of memory\n");
	return q;
}

char *
gw_xstrdup(const char *s)
{
	return gw_xstrndup(s, strlen(s));
}

char *
gw_xstrndup(const char *s, size_t len)
{
	char *p = gw_xcalloc(len + 1, 1);

	if (len > 0)
		memcpy(p, s, len);
	return p;
}

char *
gw_xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *out = NULL;

	va_start(ap, fmt);
	if (vasprintf(&out, fmt, ap) < 0)
		die("<2>out of memory\n");
	va_end(ap);
	return out;
}

bool
gw_copy(char *out, size_t cap, const char *s)
{
	size_t len = strlen(s);

	if (len >= cap) {
		if (cap > 0)
			out[0] = '\0';
		return false;
	}
	memcpy(out, s, len + 1);
	return true;
}

bool
gw_format(char *out, size_t cap, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(out, cap, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < cap)
		return true;
	if (cap > 0)
		out[0] = '\0';
	return false;
}

void
gw_mask_controls(char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

uint64_t
gw_mono_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t
gw_mono_ms(void)
{
	return gw_mono_us() / 1000;
}

void
gw_random(void *out, size_t len)
{
	uint8_t *p = out;

	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);

		if (n <= 0)
			die("<2>no randomness from the kernel\n");
		p += n;
		len -= (size_t)n;
	}
}

void
gw_hex(const uint8_t *p, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * len] = '\0';
}

void
gw_login_id_new(char out[GW_LOGIN_ID_SIZE])
{
	uint8_t raw[(GW_LOGIN_ID_SIZE - 1) / 2];

	gw_random(raw, sizeof(raw));
	gw_hex(raw, sizeof(raw), out);
}

bool
gw_login_id_is_valid(const char *s)
{
	return strlen(s) == GW_LOGIN_ID_SIZE - 1 &&
	       strspn(s, "0123456789abcdef") == GW_LOGIN_ID_SIZE - 1;
}

void
gw_wipe(void *p, size_t len)
{
	explicit_bzero(p, len);
}

void
gw_set_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0)
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

void
gw_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

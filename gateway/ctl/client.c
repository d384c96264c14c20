/* client.c — see client.h. */
#include "client.h"
#include "gw/util.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define TIMEOUT_MS 5000
#define REPLY_MAX  (32u * 1024 * 1024)

struct buffer {
	char *p;
	size_t len, cap;
};

static bool
explain_connect(const char *socket, int err, char why[GW_WHY_MAX])
{
	struct stat st;
	struct group *gr;

	if (err == ENOENT || err == ECONNREFUSED) {
		gw_format(why, GW_WHY_MAX, "gwd is not running (nobody at %s); "
			  "start it with systemctl start gwd, or name its "
			  "socket with -s", socket);
		return false;
	}
	if (err != EACCES && err != EPERM) {
		gw_format(why, GW_WHY_MAX, "%s: %s", socket, strerror(err));
		return false;
	}
	gr = stat(socket, &st) == 0 ? getgrgid(st.st_gid) : NULL;
	gw_format(why, GW_WHY_MAX,
		  "no permission for %s; run gwctl as root%s%s", socket,
		  gr != NULL && st.st_gid != 0
		  ? " or as a member of group " : "",
		  gr != NULL && st.st_gid != 0 ? gr->gr_name : "");
	return false;
}

static int
open_socket(const char *path, char why[GW_WHY_MAX])
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd, saved;

	if (!gw_copy(sun.sun_path, sizeof(sun.sun_path), path)) {
		gw_format(why, GW_WHY_MAX, "%s: path too long", path);
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (void *)&sun, sizeof(sun)) == 0)
		return fd;
	saved = errno;
	gw_close(&fd);
	(void)explain_connect(path, saved, why);
	return -1;
}

static bool
send_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return false;
		p += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return true;
}

static bool
wait_readable(int fd, uint64_t deadline_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint64_t now = gw_mono_ms();

	return now < deadline_ms &&
	       poll(&pfd, 1, (int)(deadline_ms - now)) == 1;
}

/* Until the other side closes. NULL, or what went wrong. */
static const char *
read_reply(int fd, unsigned timeout_ms, struct buffer *b)
{
	uint64_t deadline_ms = gw_mono_ms() + timeout_ms;
	ssize_t n;

	for (;;) {
		if (b->cap - b->len < 2) {
			b->cap = b->cap != 0 ? b->cap * 2 : 65536;
			b->p = gw_xrealloc(b->p, b->cap, 1);
		}
		if (!wait_readable(fd, deadline_ms))
			return "no answer in time";
		n = recv(fd, b->p + b->len, b->cap - b->len - 1, 0);
		if (n < 0)
			return strerror(errno);
		b->len += (size_t)n;
		b->p[b->len] = '\0';
		if (n == 0)
			return NULL;
		if (b->len > REPLY_MAX)
			return "the answer is too large";
	}
}

/* Content-Length as the head has it; 0 when it has none. */
static size_t
content_length(const char *head)
{
	const char *p = strcasestr(head, "\r\nContent-Length:");

	return p != NULL ? strtoul(p + 17, NULL, 10) : 0;
}

static const char *
parse_reply(struct buffer *b, struct gw_reply *out)
{
	char *body = b->len > 0 ? strstr(b->p, "\r\n\r\n") : NULL;
	size_t expected;

	if (body == NULL || sscanf(b->p, "HTTP/1.%*d %d", &out->status) != 1)
		return "the answer is not HTTP";
	*body = '\0';
	body += 4;
	expected = content_length(b->p);
	if (expected != 0 && expected != strlen(body))
		return "the answer is cut off";
	out->body = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(out->body))
		return NULL;
	json_decref(out->body);
	return "the answer is not a JSON object";
}

bool
gw_client_ask(const char *socket, const char *method, const char *path,
	      struct gw_reply *out, char why[GW_WHY_MAX])
{
	return gw_client_send(socket, method, path, NULL, 0, out, why);
}

static char *
write_request(const char *method, const char *path, const char *body)
{
	if (body == NULL)
		return gw_xasprintf("%s %s HTTP/1.0\r\nHost: gwd\r\n\r\n",
				    method, path);
	return gw_xasprintf("%s %s HTTP/1.0\r\nHost: gwd\r\n"
			    "Content-Type: application/json\r\n"
			    "Content-Length: %zu\r\n\r\n%s", method, path,
			    strlen(body), body);
}

bool
gw_client_send(const char *socket, const char *method, const char *path,
	       const char *body, unsigned timeout_ms, struct gw_reply *out,
	       char why[GW_WHY_MAX])
{
	gw_auto(free) char *request = write_request(method, path, body);
	struct buffer b = { .p = NULL };
	int fd = open_socket(socket, why);
	const char *wrong;

	if (fd < 0)
		return false;
	if (!send_all(fd, request, strlen(request)))
		wrong = strerror(errno);
	else if ((wrong = read_reply(fd, timeout_ms != 0 ? timeout_ms
						 : TIMEOUT_MS, &b)) == NULL)
		wrong = parse_reply(&b, out);
	gw_close(&fd);
	free(b.p);
	if (wrong != NULL)
		gw_format(why, GW_WHY_MAX, "%s: %s", socket, wrong);
	return wrong == NULL;
}

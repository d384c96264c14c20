/* transport.c — see transport.h. */
#include "transport.h"
#include "gw/util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

bool
gw_addr_parse(const char *s, union gw_addr *out)
{
	union gw_addr a = { .in6 = { .sin6_family = AF_UNSPEC } };

	if (inet_pton(AF_INET, s, &a.in4.sin_addr) == 1)
		a.sa.sa_family = AF_INET;
	else if (inet_pton(AF_INET6, s, &a.in6.sin6_addr) == 1)
		a.sa.sa_family = AF_INET6;
	else
		return false;
	*out = a;
	return true;
}

void
gw_addr_format(const union gw_addr *a, char out[INET6_ADDRSTRLEN])
{
	const void *p = a->sa.sa_family == AF_INET6
				? (const void *)&a->in6.sin6_addr
				: (const void *)&a->in4.sin_addr;

	if (inet_ntop(a->sa.sa_family, p, out, INET6_ADDRSTRLEN) == NULL)
		memcpy(out, "?", 2);
}

/* 0 when ready, else an errno. */
static int
wait_for(int fd, short events, uint64_t deadline_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n;

	do
		n = poll(&p, 1, gw_ms_left(deadline_ms));
	while (n < 0 && errno == EINTR);
	return n > 0 ? 0 : n == 0 ? ETIMEDOUT : errno;
}

static int
start_connect(const struct gw_dc *dc, uint16_t port, int *out_fd)
{
	union gw_addr a = dc->addr;
	socklen_t len = a.sa.sa_family == AF_INET6 ? sizeof(a.in6)
						   : sizeof(a.in4);
	int one = 1;

	if (a.sa.sa_family == AF_INET6)
		a.in6.sin6_port = htons(port);
	else
		a.in4.sin_port = htons(port);
	*out_fd = socket(a.sa.sa_family,
			 SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*out_fd < 0)
		return errno;
	(void)setsockopt(*out_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(*out_fd, &a.sa, len) == 0 || errno == EINPROGRESS)
		return 0;
	return errno;
}

static int
finish_connect(int fd, uint64_t deadline_ms)
{
	int e = wait_for(fd, POLLOUT, deadline_ms), so = 0;
	socklen_t len = sizeof(so);

	if (e != 0)
		return e;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &so, &len) != 0)
		return errno;
	return so;
}

int
gw_dial_ahead(const struct gw_dc *dc, uint16_t port)
{
	int fd = -1;

	if (start_connect(dc, port, &fd) != 0)
		gw_close(&fd);
	return fd;
}

enum gw_err
gw_dial(const struct gw_dc *dc, uint16_t port, const struct gw_limits *l,
	int ahead, int *out_fd, struct gw_error *err)
{
	uint64_t until = gw_limits_until(l, l->connect_ms);
	int fd = ahead;
	int e = fd >= 0 ? 0 : start_connect(dc, port, &fd);

	if (e == 0)
		e = finish_connect(fd, until);
	if (e != 0) {
		gw_close(&fd);
		return gw_fail(err, GW_ERR_SYSTEM, "%s port %u: connect: %s",
			       dc->name, port, strerror(e));
	}
	*out_fd = fd;
	return GW_ERR_OK;
}

static int
send_all(int fd, const krb5_data *m, uint64_t until)
{
	uint32_t len = htonl(m->length);
	struct iovec iov[2] = { { &len, sizeof(len) },
				{ m->data, m->length } };
	size_t i = 0;

	while (i < GW_COUNT(iov)) {
		struct msghdr mh = { .msg_iov = iov + i,
				     .msg_iovlen = GW_COUNT(iov) - i };
		ssize_t n = sendmsg(fd, &mh, MSG_NOSIGNAL);
		int e;

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return errno;
		if (n < 0 && (e = wait_for(fd, POLLOUT, until)) != 0)
			return e;
		for (; n > 0 && i < GW_COUNT(iov); ) {
			size_t k = GW_MIN((size_t)n, iov[i].iov_len);

			iov[i].iov_base = (char *)iov[i].iov_base + k;
			iov[i].iov_len -= k;
			n -= (ssize_t)k;
			i += iov[i].iov_len == 0;
		}
	}
	return 0;
}

static int
recv_all(int fd, void *buf, size_t len, uint64_t until)
{
	for (size_t got = 0; got < len; ) {
		ssize_t n = recv(fd, (char *)buf + got, len - got, 0);
		int e;

		if (n == 0)
			return ECONNRESET;
		if (n > 0) {
			got += (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return errno;
		if ((e = wait_for(fd, POLLIN, until)) != 0)
			return e;
	}
	return 0;
}

/* fail closed: a length over the limit, or with the reserved high bit, is
 * no answer. */
static int
recv_reply(int fd, krb5_data *out, uint64_t until)
{
	uint32_t len;
	int e = recv_all(fd, &len, sizeof(len), until);
	char *p;

	if (e != 0)
		return e;
	len = ntohl(len);
	if (len == 0 || len > GW_KDC_REPLY_MAX)
		return EMSGSIZE;
	p = gw_xcalloc(1, len);
	if ((e = recv_all(fd, p, len, until)) != 0) {
		free(p);
		return e;
	}
	*out = (krb5_data){ .length = len, .data = p };
	return 0;
}

/* ---- the kept connection */

/* Longer idle, and a DC that has died meanwhile would be noticed later than
 * by connecting. */
#define IDLE_MS 5000

void
gw_kdc_conn_close(struct gw_kdc_conn *c)
{
	gw_close(&c->fd);
}

/* fail closed: bytes that wait there answer no question of ours. */
static bool
is_quiet(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	       errno == EAGAIN;
}

/* The caller's from here on; -1 when there is none for this DC. */
static int
take_kept(struct gw_kdc_conn *keep, const struct gw_dc *dc)
{
	int fd;

	if (keep == NULL || keep->fd < 0)
		return -1;
	fd = keep->fd;
	keep->fd = -1;
	if (gw_mono_ms() - keep->used_ms > IDLE_MS ||
	    memcmp(&keep->addr, &dc->addr, sizeof(keep->addr)) != 0 ||
	    !is_quiet(fd))
		gw_close(&fd);
	return fd;
}

static void
keep_or_close(struct gw_kdc_conn *keep, const struct gw_dc *dc, int fd)
{
	if (keep == NULL) {
		gw_close(&fd);
		return;
	}
	*keep = (struct gw_kdc_conn){ .fd = fd, .addr = dc->addr,
				      .used_ms = gw_mono_ms() };
}

/* 0 or an errno. A connection on which something failed is not used again:
 * what comes late would be taken for the next answer. */
static int
exchange(int fd, const krb5_data *request, krb5_data *out_reply,
	 uint64_t until)
{
	int e = send_all(fd, request, until);

	return e != 0 ? e : recv_reply(fd, out_reply, until);
}

static enum gw_err
exchange_anew(const struct gw_dc *dc, const struct gw_limits *l,
	      const krb5_data *request, krb5_data *out_reply, int *out_fd,
	      struct gw_error *err)
{
	int fd = -1, e;

	if (gw_dial(dc, GW_PORT_KDC, l, -1, &fd, err) != GW_ERR_OK) {
		if (err != NULL)
			err->code = GW_ERR_KDC_UNREACHABLE;
		return GW_ERR_KDC_UNREACHABLE;
	}
	e = exchange(fd, request, out_reply, gw_limits_until(l, l->kdc_ms));
	if (e != 0) {
		gw_close(&fd);
		return gw_fail(err, GW_ERR_KDC_UNREACHABLE,
			       "%s port %u: no answer: %s", dc->name,
			       GW_PORT_KDC, strerror(e));
	}
	*out_fd = fd;
	return GW_ERR_OK;
}

/* A KDC may close a connection after any answer: then once more over a new
 * one. Not when it is silent: that took its time already. */
enum gw_err
gw_kdc_exchange(const struct gw_dc *dc, const struct gw_limits *l,
		struct gw_kdc_conn *keep, const krb5_data *request,
		krb5_data *out_reply, struct gw_error *err)
{
	int fd = take_kept(keep, dc), e = 0;
	enum gw_err rc = GW_ERR_OK;

	if (fd >= 0 && (e = exchange(fd, request, out_reply,
				     gw_limits_until(l, l->kdc_ms))) != 0)
		gw_close(&fd);
	if (e == ETIMEDOUT)
		return gw_fail(err, GW_ERR_KDC_UNREACHABLE,
			       "%s port %u: no answer: %s", dc->name,
			       GW_PORT_KDC, strerror(e));
	if (fd < 0)
		rc = exchange_anew(dc, l, request, out_reply, &fd, err);
	if (rc == GW_ERR_OK)
		keep_or_close(keep, dc, fd);
	return rc;
}

static krb5_error_code KRB5_CALLCONV
send_hook(krb5_context ctx, void *data, const krb5_data *realm,
	  const krb5_data *message, krb5_data **new_message,
	  krb5_data **new_reply)
{
	struct gw_transport *t = data;
	krb5_data reply = { .data = NULL };
	krb5_error_code ret;

	(void)new_message;
	t->failure = (struct gw_error){ .code = GW_ERR_OK };
	/* fail closed: a referral leads into a realm nobody configured. */
	if (realm->length != strlen(t->realm) ||
	    memcmp(realm->data, t->realm, realm->length) != 0) {
		(void)gw_fail(&t->failure, GW_ERR_MAP_FOREIGN_REALM,
			      "referred to realm %.*s",
			      (int)GW_MIN(realm->length, 100u), realm->data);
		return KRB5_REALM_UNKNOWN;
	}
	if (gw_kdc_exchange(&t->dc, &t->limits, &t->conn, message, &reply,
			    &t->failure) != GW_ERR_OK)
		return KRB5_KDC_UNREACH;
	ret = krb5_copy_data(ctx, &reply, new_reply);
	free(reply.data);
	return ret;
}

void
gw_transport_hook(krb5_context ctx, struct gw_transport *t)
{
	krb5_set_kdc_send_hook(ctx, send_hook, t);
}

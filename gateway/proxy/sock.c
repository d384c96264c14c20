/* sock.c — see sock.h. */
#include "sock.h"
#include "gw/util.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/sockios.h>

enum gw_err
gw_sock_add(struct gw_loop *l, struct gw_sock *s, int fd,
	    void (*fn)(struct gw_io *, uint32_t))
{
	*s = (struct gw_sock){ .io = { .fd = fd, .fn = fn } };
	return gw_loop_add(l, &s->io,
			   EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

void
gw_sock_note(struct gw_sock *s, uint32_t events)
{
	if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		s->can_read = true;
	if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0)
		s->can_write = true;
	if ((events & (EPOLLRDHUP | EPOLLHUP)) != 0)
		s->has_hup = true;
	if ((events & EPOLLERR) != 0)
		s->is_broken = true;
}

/* The kernel tells of a reset once: whoever reads after that finds the end of
 * the stream, as if it were whole. EPIPE is another matter: the end had come
 * before the reset did. */
static enum gw_xfer
failed(struct gw_sock *s, bool *can)
{
	if (errno == EAGAIN) {
		*can = false;
		return GW_XFER_AGAIN;
	}
	s->is_torn = s->is_torn || errno != EPIPE;
	return GW_XFER_BROKEN;
}

enum gw_xfer
gw_sock_read(struct gw_sock *s, void *buf, size_t len, size_t *out_n)
{
	ssize_t n;

	if (!s->can_read)
		return GW_XFER_AGAIN;
	do
		n = recv(s->io.fd, buf, len, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return failed(s, &s->can_read);
	if (n == 0) {
		s->has_ended = true;
		return s->is_torn ? GW_XFER_BROKEN : GW_XFER_EOF;
	}
	if ((size_t)n < len && !s->has_hup)
		s->can_read = false;
	*out_n = (size_t)n;
	return GW_XFER_OK;
}

enum gw_xfer
gw_sock_write(struct gw_sock *s, const void *buf, size_t len, size_t *out_n)
{
	ssize_t n;

	if (!s->can_write)
		return GW_XFER_AGAIN;
	do
		n = send(s->io.fd, buf, len,
			 MSG_NOSIGNAL | (s->has_more ? MSG_MORE : 0));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return failed(s, &s->can_write);
	if ((size_t)n < len)
		s->can_write = false;
	*out_n = (size_t)n;
	return GW_XFER_OK;
}

/* After a reset the kernel goes on telling of what was thrown away. */
uint32_t
gw_sock_queued(const struct gw_sock *s)
{
	int n = 0;

	if (s->is_broken)
		return 0;
	(void)ioctl(s->io.fd, SIOCOUTQ, &n);
	return n > 0 ? (uint32_t)n : 0;
}

void
gw_sock_close(struct gw_loop *l, struct gw_sock *s)
{
	if (s->io.fd < 0)
		return;
	gw_loop_del(l, &s->io);
	gw_close(&s->io.fd);
	s->can_read = s->can_write = false;
	s->is_broken = true;
}

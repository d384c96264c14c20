/* chan.c — see gw/chan.h. Header: version, type, two zero bytes, payload
 * length (u32), id (u64). */
#include "gw/chan.h"
#include "gw/log.h"
#include "gw/util.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define VERSION   1
#define TURN_MAX  64 /* datagrams read before others get their turn */

struct packet {
	struct packet *next;
	int fd;
	size_t len;
	uint8_t data[];
};

struct gw_chan {
	struct gw_io io;
	struct gw_task reaper;
	struct gw_loop *loop;
	struct gw_chan_conf conf;
	struct packet *queue, **queue_end;
	size_t queue_len, queue_bytes;
	bool is_dead;   /* on_close was called or is no longer wanted */
	bool in_reader; /* being used by on_io: freed after it returns */
	bool is_freed;
};

static _Thread_local uint8_t out_buf[GW_MSG_MAX];
static _Thread_local struct gw_wr out_wr;

static void
drop_queue(struct gw_chan *c)
{
	struct packet *p;

	while ((p = c->queue) != NULL) {
		c->queue = p->next;
		gw_close(&p->fd);
		free(p);
	}
	c->queue_end = &c->queue;
	c->queue_len = c->queue_bytes = 0;
}

static void
shut(struct gw_chan *c)
{
	c->is_dead = true;
	gw_loop_del(c->loop, &c->io);
	gw_close(&c->io.fd);
	drop_queue(c);
}

/* Tells the owner once, and lets go of the socket. */
static void
hang_up(struct gw_chan *c, enum gw_err why)
{
	if (c->is_dead)
		return;
	if (why != GW_ERR_OK)
		gw_event(GW_LOG_ERR, "channel-closed", "peer", c->conf.name,
			 "reason", gw_err_name(why), NULL);
	shut(c);
	if (c->conf.on_close != NULL)
		c->conf.on_close(c->conf.ctx, why);
}

static const struct gw_msg_rule *
find_rule(const struct gw_chan *c, uint8_t type)
{
	for (size_t i = 0; i < c->conf.rule_count; i++)
		if (c->conf.rules[i].type == type)
			return &c->conf.rules[i];
	return NULL;
}

/* fail closed: any doubt about a message ends the channel. */
static enum gw_err
dispatch(struct gw_chan *c, const uint8_t *p, size_t len, int *fd)
{
	struct gw_rd head = gw_rd_init(p, len);
	const struct gw_msg_rule *rule;
	struct gw_msg m = { .fd = -1 };
	uint8_t version = gw_rd_u8(&head);
	uint16_t zero;
	uint32_t body;
	enum gw_err rc;

	m.type = gw_rd_u8(&head);
	zero = gw_rd_u16(&head);
	body = gw_rd_u32(&head);
	m.id = gw_rd_u64(&head);
	if (head.bad || version != VERSION || zero != 0 ||
	    body != len - GW_MSG_HEADER)
		return GW_ERR_PROTO;
	rule = find_rule(c, m.type);
	if (rule == NULL || (rule->states & c->conf.state) == 0 ||
	    rule->wants_fd != (*fd >= 0))
		return GW_ERR_PROTO;
	m.rd = gw_rd_init(p + GW_MSG_HEADER, body);
	m.fd = *fd;
	*fd = -1;
	rc = rule->fn(c->conf.ctx, &m);
	gw_close(&m.fd);
	return rc;
}

/* The one descriptor a datagram may carry; more are closed and make it -2. */
static int
passed_fd(struct msghdr *mh)
{
	struct cmsghdr *cm;
	int fd = -1, got;

	for (cm = CMSG_FIRSTHDR(mh); cm != NULL; cm = CMSG_NXTHDR(mh, cm)) {
		size_t n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (cm->cmsg_level != SOL_SOCKET ||
		    cm->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			memcpy(&got, CMSG_DATA(cm) + i * sizeof(int),
			       sizeof(got));
			if (fd == -1) {
				fd = got;
				continue;
			}
			close(got);
			gw_close(&fd);
			fd = -2;
		}
	}
	return fd;
}

/* False when there is nothing more to read now, or ever. */
static bool
read_one(struct gw_chan *c)
{
	static _Thread_local uint8_t buf[GW_MSG_MAX];
	union {
		char space[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1,
			     .msg_control = control.space,
			     .msg_controllen = sizeof(control.space) };
	ssize_t n = recvmsg(c->io.fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	enum gw_err rc = GW_ERR_PROTO;
	int fd;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		hang_up(c, n == 0 || errno == ECONNRESET ? GW_ERR_OK
							 : GW_ERR_SYSTEM);
		return false;
	}
	fd = passed_fd(&mh);
	if ((mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 && fd != -2)
		rc = dispatch(c, buf, (size_t)n, &fd);
	gw_close(&fd);
	if (rc != GW_ERR_OK)
		hang_up(c, rc);
	return !c->is_dead;
}

static ssize_t
send_packet(int sock, const uint8_t *p, size_t len, int fd)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .space = { 0 } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)p,
			     .iov_len = len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cm;

	if (fd >= 0) {
		mh.msg_control = control.space;
		mh.msg_controllen = sizeof(control.space);
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
	}
	return sendmsg(sock, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void
flush(struct gw_chan *c)
{
	struct packet *p;

	while ((p = c->queue) != NULL) {
		if (send_packet(c->io.fd, p->data, p->len, p->fd) < 0)
			break; /* a dead peer shows when we read */
		c->queue = p->next;
		if (c->queue == NULL)
			c->queue_end = &c->queue;
		c->queue_len--;
		c->queue_bytes -= p->len;
		gw_close(&p->fd);
		free(p);
	}
	if (c->queue == NULL)
		gw_loop_mod(c->loop, &c->io, EPOLLIN);
}

static void
reap(struct gw_task *t)
{
	free(GW_CONTAINER(t, struct gw_chan, reaper));
}

static void
on_io(struct gw_io *io, uint32_t events)
{
	struct gw_chan *c = GW_CONTAINER(io, struct gw_chan, io);

	c->in_reader = true;
	if ((events & EPOLLOUT) != 0)
		flush(c);
	for (int i = 0; i < TURN_MAX && read_one(c); i++)
		;
	c->in_reader = false;
	if (c->is_freed)
		gw_loop_defer(c->loop, &c->reaper);
}

enum gw_err
gw_chan_new(struct gw_loop *l, int fd, const struct gw_chan_conf *conf,
	    struct gw_chan **out)
{
	struct gw_chan *c = gw_xcalloc(1, sizeof(*c));

	gw_set_nonblock(fd);
	c->io = (struct gw_io){ .fd = fd, .fn = on_io };
	c->reaper.fn = reap;
	c->loop = l;
	c->conf = *conf;
	c->queue_end = &c->queue;
	if (gw_loop_add(l, &c->io, EPOLLIN) != GW_ERR_OK) {
		gw_close(&c->io.fd);
		free(c);
		return GW_ERR_SYSTEM;
	}
	*out = c;
	return GW_ERR_OK;
}

void
gw_chan_free(struct gw_chan *c)
{
	if (c == NULL || c->is_freed)
		return;
	if (!c->is_dead)
		shut(c);
	c->is_freed = true;
	if (!c->in_reader)
		free(c);
}

void
gw_chan_set_state(struct gw_chan *c, unsigned state)
{
	c->conf.state = state;
}

struct gw_wr *
gw_chan_begin(struct gw_chan *c)
{
	(void)c;
	out_wr = gw_wr_init(out_buf + GW_MSG_HEADER, GW_PAYLOAD_MAX);
	return &out_wr;
}

static enum gw_err
enqueue(struct gw_chan *c, const uint8_t *p, size_t len, int fd)
{
	struct packet *k;

	if (c->queue_len >= c->conf.queue_max)
		return GW_ERR_BUSY;
	k = gw_xcalloc(1, sizeof(*k) + len);
	k->fd = fd >= 0 ? dup(fd) : -1;
	if (fd >= 0 && k->fd < 0) {
		free(k);
		return GW_ERR_SYSTEM;
	}
	k->len = len;
	memcpy(k->data, p, len);
	*c->queue_end = k;
	c->queue_end = &k->next;
	c->queue_bytes += len;
	if (c->queue_len++ == 0)
		gw_loop_mod(c->loop, &c->io, EPOLLIN | EPOLLOUT);
	return GW_ERR_OK;
}

size_t
gw_chan_queued(const struct gw_chan *c)
{
	return c->queue_bytes;
}

enum gw_err
gw_chan_send(struct gw_chan *c, uint8_t type, uint64_t id, int fd)
{
	struct gw_wr head = gw_wr_init(out_buf, GW_MSG_HEADER);
	size_t len = GW_MSG_HEADER + out_wr.len;

	if (out_wr.bad)
		return GW_ERR_PROTO;
	if (c->is_dead)
		return GW_ERR_SYSTEM;
	gw_wr_u8(&head, VERSION);
	gw_wr_u8(&head, type);
	gw_wr_u16(&head, 0);
	gw_wr_u32(&head, (uint32_t)out_wr.len);
	gw_wr_u64(&head, id);
	if (c->queue != NULL)
		return enqueue(c, out_buf, len, fd);
	if (send_packet(c->io.fd, out_buf, len, fd) >= 0)
		return GW_ERR_OK;
	if (errno != EAGAIN && errno != ENOBUFS && errno != ETOOMANYREFS)
		return GW_ERR_SYSTEM;
	return enqueue(c, out_buf, len, fd);
}

/* rig_supervisor.c — see rig.h: plays the supervisor. */
#include "rig_inside.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- what gwd-proxy says */

static enum gw_err
on_ready(void *ctx, struct gw_msg *m)
{
	struct rig *r = ctx;

	(void)m;
	rig_lock(r);
	r->is_ready = true;
	rig_announce(r);
	rig_unlock(r);
	return GW_ERR_OK;
}

static enum gw_err
on_failed(void *ctx, struct gw_msg *m)
{
	char detail[GW_DETAIL_MAX];

	(void)ctx;
	(void)gw_rd_u32(&m->rd);
	gw_rd_str(&m->rd, detail, sizeof(detail));
	cr_assert(false, "gwd-proxy cannot start: %s", detail);
	return GW_ERR_OK;
}

static enum gw_err
on_row(void *ctx, struct gw_msg *m)
{
	struct rig *r = ctx;
	char section[64];
	char *json, *all;

	gw_rd_str(&m->rd, section, sizeof(section));
	json = gw_rd_strdup(&m->rd, 32768);
	cr_assert(gw_rd_done(&m->rd));
	rig_lock(r);
	all = gw_xasprintf("%s%s %s\n", r->status != NULL ? r->status : "",
			   section, json);
	free(r->status);
	r->status = all;
	rig_unlock(r);
	free(json);
	return GW_ERR_OK;
}

static enum gw_err
on_rows_end(void *ctx, struct gw_msg *m)
{
	struct rig *r = ctx;

	(void)m;
	rig_lock(r);
	r->has_status = true;
	rig_announce(r);
	rig_unlock(r);
	return GW_ERR_OK;
}

static enum gw_err
on_renewed(void *ctx, struct gw_msg *m)
{
	struct rig *r = ctx;
	char detail[GW_DETAIL_MAX];

	rig_lock(r);
	r->renewed = gw_err_from_wire(gw_rd_u32(&m->rd));
	gw_rd_str(&m->rd, detail, sizeof(detail));
	cr_assert(gw_rd_done(&m->rd));
	r->has_renewed = true;
	rig_announce(r);
	rig_unlock(r);
	return GW_ERR_OK;
}

static const struct gw_msg_rule control_rules[] = {
	{ GW_MSG_RENEWED, ST_ANY, false, on_renewed },
	{ GW_MSG_READY, ST_ANY, false, on_ready },
	{ GW_MSG_FAILED, ST_ANY, false, on_failed },
	{ GW_MSG_STATUS_ROW, ST_ANY, false, on_row },
	{ GW_MSG_STATUS_END, ST_ANY, false, on_rows_end },
};

static void
on_control_close(void *ctx, enum gw_err why)
{
	struct rig *r = ctx;

	(void)why;
	rig_lock(r);
	gw_chan_free(r->control);
	r->control = NULL;
	r->is_gone = true;
	rig_announce(r);
	rig_unlock(r);
}

/* ---- what it is told at its start */

static void
send_empty(struct rig *r, uint8_t type, uint64_t id)
{
	(void)gw_chan_begin(r->control);
	cr_assert(gw_chan_send(r->control, type, id, -1) == GW_ERR_OK);
}

static void
send_conf(struct rig *r)
{
	for (size_t i = 0; i < gw_conf_section_count; i++) {
		const struct gw_conf_section *s = &gw_conf_sections[i];
		char *base = (char *)&r->conf + s->offset;
		size_t n = 1;

		if ((s->who & GW_PROXY) == 0)
			continue;
		if (s->is_titled) {
			memcpy(&n, (char *)&r->conf + s->count_offset,
			       sizeof(n));
			memcpy(&base, base, sizeof(base));
		}
		for (size_t j = 0; j < n; j++) {
			gw_conf_encode(gw_chan_begin(r->control), s,
				       base + j * s->size);
			cr_assert(gw_chan_send(r->control, GW_MSG_CONF, 0,
					       -1) == GW_ERR_OK);
		}
	}
}

static void
send_file(struct rig *r, enum gw_file_purpose purpose, const char *name,
	  uint8_t *data, size_t len)
{
	struct gw_file f = { .purpose = purpose, .data = data, .len = len };

	cr_assert(gw_copy(f.name, sizeof(f.name), name));
	gw_file_encode(gw_chan_begin(r->control), &f);
	cr_assert(gw_chan_send(r->control, GW_MSG_FILE, 0, -1) == GW_ERR_OK);
}

const struct rig_own *rig_own;
size_t rig_own_count;

/* The issuer follows each certificate. */
static void
send_own(struct rig *r, const char *name, const struct rig_own *o)
{
	uint8_t pem[16384];
	size_t n = rig_pem_cert(o->cert, pem, sizeof(pem));

	n += rig_pem_cert(r->pki.ca, pem + n, sizeof(pem) - n);
	send_file(r, GW_FILE_SERVER_CERT, name, pem, n);
	send_file(r, GW_FILE_SERVER_KEY, name, pem,
		  rig_pem_key(o->key, pem, sizeof(pem)));
	send_file(r, GW_FILE_SERVER_STAPLE, name,
		  (uint8_t *)(uintptr_t)o->staple, o->staple_len);
}

static void
send_all_own(struct rig *r)
{
	const struct rig_own server = { .cert = r->pki.server,
					.key = r->pki.server_key };

	for (size_t i = 0; i < r->conf.listener_count; i++) {
		bool is_plain = i > 0 || rig_own == NULL;
		const struct rig_own *o = is_plain ? &server : rig_own;

		for (size_t j = 0; j < (is_plain ? 1 : rig_own_count); j++)
			send_own(r, r->conf.listeners[i].title, &o[j]);
	}
}

static void
send_files(struct rig *r)
{
	uint8_t pem[8192];

	send_all_own(r);
	send_file(r, GW_FILE_CA, "ca", pem,
		  rig_pem_cert(r->pki.ca, pem, sizeof(pem)));
}

int rig_send_buffer;

static int
listen_once(int *port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)*port) };
	socklen_t len = sizeof(sa);
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (rig_send_buffer != 0) /* accepted ones have it from here */
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &rig_send_buffer,
			   sizeof(rig_send_buffer));
	cr_assert(bind(fd, (void *)&sa, len) == 0 && listen(fd, 128) == 0 &&
		  getsockname(fd, (void *)&sa, &len) == 0);
	*port = ntohs(sa.sin_port);
	return fd;
}

/* As many as there are workers: a queue nobody will ever accept from would
 * still be given connections. */
static void
send_listeners(struct rig *r, const char *name, int *port)
{
	for (uint32_t i = 0; i < r->conf.main.workers; i++) {
		struct gw_listener_msg m = { .worker = i };
		int fd = listen_once(port);

		cr_assert(gw_copy(m.name, sizeof(m.name), name));

		gw_listener_msg_encode(gw_chan_begin(r->control), &m);
		cr_assert(gw_chan_send(r->control, GW_MSG_LISTENER, 0, fd) ==
			  GW_ERR_OK);
		close(fd);
	}
}

void
rig_supervise(struct rig *r, int fd)
{
	struct gw_chan_conf conf = {
		.name = "proxy", .rules = control_rules,
		.rule_count = GW_COUNT(control_rules), .state = ST_ANY,
		.queue_max = 1000, .ctx = r, .on_close = on_control_close,
	};

	cr_assert(gw_chan_new(r->loop, fd, &conf, &r->control) == GW_ERR_OK);
	send_conf(r);
	send_files(r);
	rig_link_all(r);
	send_listeners(r, "test", &r->port);
	send_listeners(r, "other", &r->other_port);
	send_empty(r, GW_MSG_START, 0);
}

/* ---- and later */

static void
order_stop(struct rig *r)
{
	send_empty(r, GW_MSG_STOP, 0);
}

void
rig_begin_stop(struct rig *r)
{
	r->is_stopping = true;
	rig_order(r, order_stop);
}

static void
order_kill(struct rig *r)
{
	gw_wr_raw(gw_chan_begin(r->control), r->session, sizeof(r->session));
	cr_assert(gw_chan_send(r->control, GW_MSG_KILL, 0, -1) == GW_ERR_OK);
}

void
rig_kill(struct rig *r)
{
	rig_order(r, order_kill);
}

static void
order_renew(struct rig *r)
{
	send_all_own(r);
	send_empty(r, GW_MSG_RENEW, 1);
}

enum gw_err
rig_renew(struct rig *r)
{
	enum gw_err rc;

	rig_lock(r);
	r->has_renewed = false;
	rig_unlock(r);
	rig_order(r, order_renew);
	rig_lock(r);
	rig_await(r, &r->has_renewed, "RENEWED");
	rc = r->renewed;
	rig_unlock(r);
	free(rig_status(r)); /* all workers have been told before */
	return rc;
}

static void
order_status(struct rig *r)
{
	send_empty(r, GW_MSG_STATUS_ASK, ++r->next_ask);
}

char *
rig_status(struct rig *r)
{
	char *text;

	rig_lock(r);
	free(r->status);
	r->status = NULL;
	r->has_status = false;
	rig_unlock(r);
	rig_order(r, order_status);
	rig_lock(r);
	rig_await(r, &r->has_status, "status");
	text = r->status;
	r->status = NULL;
	rig_unlock(r);
	return text;
}

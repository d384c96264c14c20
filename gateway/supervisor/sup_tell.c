/* sup_tell.c — see sup_priv.h, and sup.h for what operators have said. A link
 * joins two children; whoever of the two starts later brings it. */
#include "section.h"
#include "sup_priv.h"
#include "gw/log.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct line {
	int a, b;           /* children */
	enum gw_link name_a, name_b;
	bool per_worker;
} lines[] = {
	{ GW_CHILD_PROXY, GW_CHILD_AUTH, GW_LINK_PROXY, GW_LINK_AUTH, true },
	{ GW_CHILD_AUTH, GW_CHILD_KDC, GW_LINK_AUTH, GW_LINK_KDC, false },
};

static bool
is_up(const struct gw_proc *p)
{
	return p->state == GW_CS_UP && p->chan != NULL;
}

static void
tell(struct gw_proc *p, uint8_t type, int fd)
{
	enum gw_err rc = p->chan != NULL ? gw_chan_send(p->chan, type, 0, fd)
					 : GW_ERR_SYSTEM;

	/* a child that does not take its messages is found out by a timer
	 * or by its channel's end */
	if (rc != GW_ERR_OK)
		gw_event(GW_LOG_WARN, "control-send-failed", "process",
			 p->kind->name, "type", GW_NUM(type), "reason",
			 gw_err_name(rc), NULL);
}

static void
tell_empty(struct gw_proc *p, uint8_t type)
{
	if (p->chan != NULL)
		(void)gw_chan_begin(p->chan);
	tell(p, type, -1);
}

static void
send_conf(struct gw_proc *p)
{
	const struct gw_conf *c = &p->sup->setup->conf;

	for (size_t i = 0; i < gw_conf_section_count; i++) {
		const struct gw_conf_section *s = &gw_conf_sections[i];
		size_t n = gw_section_count(c, s);

		if ((s->who & p->kind->who) == 0)
			continue;
		for (size_t j = 0; j < n; j++) {
			gw_conf_encode(gw_chan_begin(p->chan), s,
				       gw_section_at(c, s, j));
			tell(p, GW_MSG_CONF, -1);
		}
	}
}

static void
send_files(struct gw_proc *p, unsigned purposes)
{
	const struct gw_setup *s = p->sup->setup;

	p->generation = p->sup->generation;
	for (size_t i = 0; i < s->file_count; i++) {
		if ((purposes & 1u << s->files[i].purpose) == 0)
			continue;
		gw_file_encode(gw_chan_begin(p->chan), &s->files[i]);
		tell(p, GW_MSG_FILE, -1);
	}
}

static void
send_names(struct gw_proc *p)
{
	const struct gw_namefiles *n = p->sup->names;

	if ((p->kind->files & 1u << GW_FILE_NAMES) == 0)
		return;
	for (size_t i = 0; i < GW_NAMEFILES; i++) {
		gw_file_encode(gw_chan_begin(p->chan), gw_namefiles_get(n, i));
		tell(p, GW_MSG_FILE, -1);
	}
}

static void
send_link(struct gw_proc *p, enum gw_link far, uint32_t worker, int fd)
{
	struct gw_link_msg m = { .far = far, .worker = worker };

	gw_link_msg_encode(gw_chan_begin(p->chan), &m);
	tell(p, GW_MSG_LINK, fd);
}

static void
link_once(struct gw_proc *a, struct gw_proc *b, const struct line *l,
	  uint32_t worker)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) != 0) {
		gw_event(GW_LOG_ERR, "link-failed", "detail", strerror(errno),
			 NULL);
		return;
	}
	send_link(a, l->name_b, worker, fd[0]);
	send_link(b, l->name_a, worker, fd[1]);
	close(fd[0]);
	close(fd[1]);
}

/* With every neighbour that runs; one that does not will do it itself. */
static void
link_all(struct gw_proc *p)
{
	struct gw_sup *s = p->sup;

	for (size_t i = 0; i < GW_COUNT(lines); i++) {
		const struct line *l = &lines[i];
		struct gw_proc *a = &s->procs[l->a], *b = &s->procs[l->b];
		int64_t n = l->per_worker ? s->setup->conf.main.workers : 1;

		if ((a != p && b != p) || a->chan == NULL || b->chan == NULL)
			continue;
		for (int64_t w = 0; w < n; w++)
			link_once(a, b, l, (uint32_t)w);
	}
}

void
gw_tell_start(struct gw_proc *p)
{
	send_conf(p);
	send_files(p, p->kind->files);
	send_names(p);
	link_all(p);
	tell_empty(p, GW_MSG_START);
}

void
gw_tell_stop(struct gw_proc *p)
{
	tell_empty(p, GW_MSG_STOP);
}

void
gw_tell_listeners(struct gw_proc *p)
{
	const struct gw_conf *c = &p->sup->setup->conf;
	size_t workers = (size_t)c->main.workers;

	p->has_listeners = true;
	for (size_t i = 0; i < c->listener_count; i++)
		for (size_t w = 0; w < workers; w++) {
			struct gw_listener_msg m = { .worker = (uint32_t)w };

			gw_assert(gw_copy(m.name, sizeof(m.name),
					  c->listeners[i].title));
			gw_listener_msg_encode(gw_chan_begin(p->chan), &m);
			tell(p, GW_MSG_LISTENER,
			     p->sup->sockets[i * workers + w]);
		}
}

void
gw_tell_ca_names(struct gw_sup *s)
{
	struct gw_proc *p = &s->procs[GW_CHILD_PROXY];

	if (!is_up(p) || !s->has_ca_names)
		return;
	gw_wr_bytes(gw_chan_begin(p->chan), s->ca_names, s->ca_names_len);
	tell(p, GW_MSG_CA_NAMES, -1);
}

/* Also when it was still starting, with the old ones, as they came. */
void
gw_tell_renewal(struct gw_proc *p)
{
	if (p->state != GW_CS_UP || p->generation == p->sup->generation)
		return;
	send_files(p, GW_OWN_FILES);
	tell_empty(p, GW_MSG_RENEW);
}

bool
gw_tell_names(struct gw_sup *s)
{
	struct gw_proc *p = &s->procs[GW_CHILD_AUTH];

	if (!is_up(p))
		return false;
	send_names(p);
	tell_empty(p, GW_MSG_RENEW);
	return true;
}

/* ---- for operators */

bool
gw_sup_ask(struct gw_sup *s, int child, uint64_t ask)
{
	struct gw_proc *p = &s->procs[child];

	if (!is_up(p))
		return false;
	(void)gw_chan_begin(p->chan);
	return gw_chan_send(p->chan, GW_MSG_STATUS_ASK, ask, -1) == GW_ERR_OK;
}

/* True, too, for one that is not up: it has no session. */
static bool
say_kill(struct gw_proc *p, const uint8_t session[GW_SESSION_ID])
{
	if (!is_up(p))
		return true;
	gw_wr_raw(gw_chan_begin(p->chan), session, GW_SESSION_ID);
	return gw_chan_send(p->chan, GW_MSG_KILL, 0, -1) == GW_ERR_OK;
}

bool
gw_sup_kill_session(struct gw_sup *s, const uint8_t session[GW_SESSION_ID])
{
	struct gw_proc *auth = &s->procs[GW_CHILD_AUTH];
	struct gw_proc *proxy = &s->procs[GW_CHILD_PROXY];
	bool is_heard = is_up(auth) || is_up(proxy);
	bool is_said = say_kill(auth, session);

	/* to the proxy in any case */
	return say_kill(proxy, session) && is_said && is_heard;
}

void
gw_sup_renew(struct gw_sup *s, struct gw_setup *fresh,
	     struct gw_strlist *renewed)
{
	const struct gw_conf *c = &s->setup->conf;

	for (size_t i = 0; i < c->listener_count; i++) {
		const char *title = c->listeners[i].title;

		if (gw_setup_take_certificates(s->setup, fresh, title))
			gw_strlist_add(renewed, title);
	}
	if (renewed->n == 0)
		return;
	s->generation++;
	gw_tell_renewal(&s->procs[GW_CHILD_PROXY]);
}

bool
gw_sup_admin(struct gw_sup *s, uint64_t ask, const struct gw_admin *m)
{
	struct gw_proc *p = &s->procs[GW_CHILD_AUTH];

	if (!is_up(p))
		return false;
	gw_admin_encode(gw_chan_begin(p->chan), m);
	return gw_chan_send(p->chan, GW_MSG_ADMIN, ask, -1) == GW_ERR_OK;
}

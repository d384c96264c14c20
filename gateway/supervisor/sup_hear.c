/* sup_hear.c — see sup_priv.h. What breaks a rule ends the channel, and with
 * it the child. */
#include "sup_priv.h"
#include "gw/log.h"
#include "gw/util.h"

#include <string.h>

static bool
is_everyone_up(const struct gw_sup *s)
{
	for (int i = 0; i < GW_CHILD_COUNT; i++)
		if (s->procs[i].is_wanted && s->procs[i].state != GW_CS_UP)
			return false;
	return true;
}

/* Clients wait in the sockets' queues until there is somebody to judge
 * them; afterwards a new proxy gets its sockets at once. */
static void
open_doors(struct gw_sup *s)
{
	struct gw_proc *p = &s->procs[GW_CHILD_PROXY];

	if (!s->was_ready && !is_everyone_up(s))
		return;
	if (p->state == GW_CS_UP && !p->has_listeners)
		gw_tell_listeners(p);
	if (s->was_ready)
		return;
	s->was_ready = true;
	if (s->on_ready != NULL)
		s->on_ready(s->ready_ctx);
}

static enum gw_err
on_renewed(void *ctx, struct gw_msg *m)
{
	struct gw_proc *p = ctx;
	enum gw_err why = gw_err_from_wire(gw_rd_u32(&m->rd));
	char detail[GW_DETAIL_MAX];

	gw_rd_str(&m->rd, detail, sizeof(detail));
	if (p->which == GW_CHILD_KDC || !gw_rd_done(&m->rd))
		return GW_ERR_PROTO;
	if (why == GW_ERR_OK)
		gw_event(GW_LOG_INFO, p->which == GW_CHILD_PROXY
				      ? "certificates-renewed"
				      : "names-renewed", NULL);
	else
		gw_event(GW_LOG_ERR, "renew-failed", "reason",
			 gw_err_name(why), "detail", detail, NULL);
	return GW_ERR_OK;
}

static enum gw_err
on_ready(void *ctx, struct gw_msg *m)
{
	struct gw_proc *p = ctx;

	if (!gw_rd_done(&m->rd))
		return GW_ERR_PROTO;
	gw_chan_set_state(p->chan, GW_SUP_UP);
	if (p->state != GW_CS_STARTING)
		return GW_ERR_OK; /* being stopped */
	gw_timer_stop(p->sup->loop, &p->timer);
	p->state = GW_CS_UP;
	gw_event(GW_LOG_INFO, "process-ready", "process",
		 p->kind->name, "pid", GW_NUM(p->pid), "after_ms",
		 GW_NUM(gw_loop_now_ms(p->sup->loop) - p->started_ms), NULL);
	if (p->which == GW_CHILD_PROXY) {
		gw_tell_ca_names(p->sup);
		gw_tell_renewal(p);
	}
	open_doors(p->sup);
	return GW_ERR_OK;
}

static enum gw_err
on_failed(void *ctx, struct gw_msg *m)
{
	struct gw_proc *p = ctx;

	p->failure.code = gw_err_from_wire(gw_rd_u32(&m->rd));
	gw_rd_str(&m->rd, p->failure.detail, sizeof(p->failure.detail));
	if (!gw_rd_done(&m->rd))
		return GW_ERR_PROTO;
	if (p->failure.code == GW_ERR_OK)
		p->failure.code = GW_ERR_INTERNAL;
	gw_mask_controls(p->failure.detail);
	return GW_ERR_OK; /* its exit follows */
}

static enum gw_err
on_row(void *ctx, struct gw_msg *m)
{
	struct gw_proc *p = ctx;
	char section[32];
	gw_auto(free) char *json = NULL;

	gw_rd_str(&m->rd, section, sizeof(section));
	json = gw_rd_strdup(&m->rd, GW_PAYLOAD_MAX);
	if (!gw_rd_done(&m->rd))
		return GW_ERR_PROTO;
	if (p->sup->watch.on_row != NULL)
		p->sup->watch.on_row(p->sup->watch.ctx, p->which, m->id,
				     section, json);
	return GW_ERR_OK;
}

static enum gw_err
on_end(void *ctx, struct gw_msg *m)
{
	struct gw_proc *p = ctx;

	if (!gw_rd_done(&m->rd))
		return GW_ERR_PROTO;
	if (p->sup->watch.on_end != NULL)
		p->sup->watch.on_end(p->sup->watch.ctx, p->which, m->id);
	return GW_ERR_OK;
}

/* The registry is gwd-auth's; from the others this is a violation. */
static enum gw_err
on_admin_done(void *ctx, struct gw_msg *m)
{
	struct gw_proc *p = ctx;
	struct gw_admin_done d;

	if (p->which != GW_CHILD_AUTH || !gw_admin_done_decode(&m->rd, &d))
		return GW_ERR_PROTO;
	if (p->sup->admin.on_done != NULL)
		p->sup->admin.on_done(p->sup->admin.ctx, m->id, &d);
	return GW_ERR_OK;
}

static enum gw_err
on_ca_names(void *ctx, struct gw_msg *m)
{
	struct gw_proc *p = ctx;
	struct gw_sup *s = p->sup;
	const uint8_t *der;
	size_t len;

	if (p->which != GW_CHILD_AUTH ||
	    !gw_ca_names_decode(&m->rd, &der, &len))
		return GW_ERR_PROTO;
	free(s->ca_names);
	s->ca_names = gw_xcalloc(len + 1, 1);
	if (len > 0)
		memcpy(s->ca_names, der, len);
	s->ca_names_len = len;
	s->has_ca_names = true;
	gw_tell_ca_names(s);
	return GW_ERR_OK;
}

const struct gw_msg_rule gw_hear_rules[] = {
	{ GW_MSG_READY,      GW_SUP_STARTING, false, on_ready },
	{ GW_MSG_FAILED,     GW_SUP_STARTING, false, on_failed },
	{ GW_MSG_STATUS_ROW, GW_SUP_UP,       false, on_row },
	{ GW_MSG_STATUS_END, GW_SUP_UP,       false, on_end },
	{ GW_MSG_ADMIN_DONE, GW_SUP_UP,       false, on_admin_done },
	{ GW_MSG_RENEWED,    GW_SUP_UP,       false, on_renewed },
	{ GW_MSG_CA_NAMES,   GW_SUP_STARTING | GW_SUP_UP, false, on_ca_names },
};

const size_t gw_hear_rule_count = GW_COUNT(gw_hear_rules);

/* login_outcome.c — what is said of a login that has come to its end. */
#include "login_priv.h"
#include "gw/log.h"
#include "gw/util.h"

#include <string.h>

static const char *
opt(const char *s)
{
	return s[0] != '\0' ? s : NULL;
}

static void
log_decision(const struct login *l)
{
	const struct gw_verdict_msg *v =
		l->session != NULL ? &l->session->says : &l->says;
	bool is_ok = l->session != NULL;
	const uint64_t *us = l->took_us;

	gw_event(GW_LOG_INFO, "login", "req", l->name,
		 "verdict", is_ok ? "allow" : "deny",
		 "reason", gw_err_name(l->err.code),
		 "listener", l->listener != NULL ? l->listener->title : NULL,
		 "peer", opt(l->peer), "subject", opt(l->subject),
		 "serial", opt(l->serial),
		 "account", opt(l->has_facts ? l->facts.sam : v->sam),
		 "sid", opt(l->has_facts ? l->facts.sid : v->sid),
		 "mapping", l->has_facts
			 ? gw_mapping_name(l->facts.mapping)
			 : v->has_account ? gw_mapping_name(v->mapping) : NULL,
		 "dc", opt(l->dc), "revocation", opt(l->standing.result.source),
		 "joined", l->is_joined ? "yes" : "no",
		 "chain_us", GW_NUM(us[ST_CHAIN]),
		 "revocation_us", GW_NUM(us[ST_REVOCATION]),
		 "directory_us", GW_NUM(us[ST_DIRECTORY]),
		 "map_us", GW_NUM(l->facts.map_us),
		 "self_us", GW_NUM(l->facts.self_us),
		 "proxy_us", GW_NUM(l->facts.proxy_us),
		 "bind_us", GW_NUM(l->facts.bind_us),
		 "total_us", GW_NUM(gw_mono_us() - l->began_us),
		 "detail", opt(l->err.detail), NULL);
}

static enum gw_err
send_verdict(const struct login *l)
{
	struct gw_verdict_msg v = { .verdict = GW_VERDICT_DENY,
				    .reason = l->err.code };
	struct gw_wr *w = gw_chan_begin(l->link->chan);

	if (l->session != NULL)
		v = l->session->says;
	memcpy(v.login, l->name, sizeof(v.login));
	gw_verdict_encode(w, &v);
	return gw_chan_send(l->link->chan, GW_MSG_VERDICT, l->proxy_id, -1);
}

void
gw_login_conclude(struct login *l)
{
	struct gw_auth *a = l->auth;

	if (l->trial != NULL) {
		gw_trial_conclude(l);
		return;
	}
	a->reasons[l->err.code]++;
	log_decision(l);
	if (send_verdict(l) == GW_ERR_OK)
		return;
	gw_event(GW_LOG_ERR, "verdict-not-sent", "req", l->name, NULL);
	if (l->session != NULL) {
		gw_session_leave(a->sessions, l->session, l->link->id);
		gw_peers_settle(a, l->session);
	}
}

/* proto.c — see gw/proto.h. An encoder and its decoder stand together; they
 * list the same fields in the same order. */
#include "gw/proto.h"

#include <string.h>

static void
rd_login(struct gw_rd *r, char out[GW_LOGIN_ID_SIZE])
{
	gw_rd_str(r, out, GW_LOGIN_ID_SIZE);
	if (!gw_login_id_is_valid(out))
		r->bad = true;
}

static bool
rd_bool(struct gw_rd *r)
{
	uint8_t v = gw_rd_u8(r);

	if (v > 1)
		r->bad = true;
	return v == 1;
}

/* "" or a SID. */
static void
rd_sid(struct gw_rd *r, char out[GW_SID_MAX])
{
	gw_rd_str(r, out, GW_SID_MAX);
	if (out[0] != '\0' && !gw_sid_is_valid(out))
		r->bad = true;
}

static enum gw_mapping
rd_mapping(struct gw_rd *r)
{
	uint8_t v = gw_rd_u8(r);

	if (v >= GW_MAPPED_COUNT)
		r->bad = true;
	return r->bad ? GW_MAPPED_NOT : (enum gw_mapping)v;
}

/* ---- ADMIT */

void
gw_gone_encode(struct gw_wr *w, const struct gw_gone *l)
{
	gw_wr_bytes(w, l->ids, l->count * GW_SESSION_ID);
}

static bool
rd_gone(struct gw_rd *r, struct gw_gone *out)
{
	size_t len;
	const uint8_t *p = gw_rd_bytes(r, GW_GONE_MAX * GW_SESSION_ID, &len);

	*out = (struct gw_gone){ .ids = p, .count = len / GW_SESSION_ID };
	return p != NULL && len % GW_SESSION_ID == 0;
}

bool
gw_gone_decode(struct gw_rd *r, struct gw_gone *out)
{
	return rd_gone(r, out) && gw_rd_done(r) && out->count > 0;
}

void
gw_admit_encode(struct gw_wr *w, const struct gw_admit *a)
{
	gw_wr_str(w, a->login);
	gw_wr_str(w, a->listener);
	gw_wr_str(w, a->peer);
	gw_wr_u8(w, a->is_resumed);
	gw_wr_u32(w, (uint32_t)a->chain_count);
	for (size_t i = 0; i < a->chain_count; i++)
		gw_wr_bytes(w, a->chain[i].p, a->chain[i].len);
	gw_gone_encode(w, &a->gone);
}

bool
gw_admit_decode(struct gw_rd *r, struct gw_admit *out)
{
	size_t total = 0;

	memset(out, 0, sizeof(*out));
	rd_login(r, out->login);
	gw_rd_str(r, out->listener, sizeof(out->listener));
	gw_rd_str(r, out->peer, sizeof(out->peer));
	out->is_resumed = rd_bool(r);
	out->chain_count = gw_rd_count(r, GW_CHAIN_MAX);
	for (size_t i = 0; i < out->chain_count; i++) {
		struct gw_der *d = &out->chain[i];

		d->p = gw_rd_bytes(r, GW_CERT_MAX, &d->len);
		total += d->len;
	}
	return rd_gone(r, &out->gone) && gw_rd_done(r) &&
	       out->chain_count > 0 && total <= GW_CHAIN_BYTES_MAX;
}

/* ---- VERDICT */

void
gw_verdict_encode(struct gw_wr *w, const struct gw_verdict_msg *v)
{
	gw_wr_u8(w, (uint8_t)v->verdict);
	gw_wr_u32(w, (uint32_t)v->reason);
	gw_wr_str(w, v->login);
	if (v->verdict != GW_VERDICT_ALLOW)
		return;
	gw_wr_raw(w, v->session, sizeof(v->session));
	gw_wr_u64(w, (uint64_t)v->until);
	gw_wr_u8(w, v->has_account);
	gw_wr_str(w, v->sam);
	gw_wr_str(w, v->upn);
	gw_wr_str(w, v->sid);
	gw_wr_u8(w, (uint8_t)v->mapping);
	gw_wr_str(w, v->groups);
	gw_wr_bytes(w, v->routes, v->route_count);
}

static void
rd_routes(struct gw_rd *r, struct gw_verdict_msg *out)
{
	const uint8_t *p = gw_rd_bytes(r, GW_ROUTES_MAX, &out->route_count);

	for (size_t i = 0; p != NULL && i < out->route_count; i++) {
		if (p[i] != GW_VERDICT_ALLOW && p[i] != GW_VERDICT_DENY)
			r->bad = true;
		out->routes[i] = p[i];
	}
}

bool
gw_verdict_decode(struct gw_rd *r, struct gw_verdict_msg *out)
{
	uint8_t verdict;

	memset(out, 0, sizeof(*out));
	verdict = gw_rd_u8(r);
	out->reason = gw_err_from_wire(gw_rd_u32(r));
	rd_login(r, out->login);
	if (verdict != GW_VERDICT_ALLOW) {
		/* fail closed: a denial that says "ok" is a broken peer. */
		return verdict == GW_VERDICT_DENY && gw_rd_done(r) &&
		       out->reason != GW_ERR_OK;
	}
	gw_rd_raw(r, out->session, sizeof(out->session));
	out->until = (time_t)gw_rd_u64(r);
	out->has_account = rd_bool(r);
	gw_rd_str(r, out->sam, sizeof(out->sam));
	gw_rd_str(r, out->upn, sizeof(out->upn));
	rd_sid(r, out->sid);
	out->mapping = rd_mapping(r);
	out->groups = gw_rd_strdup(r, GW_GROUPS_TEXT_MAX);
	rd_routes(r, out);
	if (!gw_rd_done(r) || out->reason != GW_ERR_OK) {
		gw_verdict_clear(out);
		return false;
	}
	out->verdict = GW_VERDICT_ALLOW;
	return true;
}

void
gw_verdict_clear(struct gw_verdict_msg *v)
{
	free(v->groups);
	memset(v, 0, sizeof(*v));
}

/* ---- LOGON */

void
gw_logon_encode(struct gw_wr *w, const struct gw_logon *l)
{
	const struct gw_claims *c = &l->claims;

	gw_wr_str(w, l->login);
	gw_wr_u32(w, l->budget_ms);
	gw_wr_str(w, c->upn);
	gw_wr_str(w, c->sid);
	gw_wr_u32(w, (uint32_t)c->altsec_count);
	for (size_t i = 0; i < c->altsec_count; i++) {
		gw_wr_u8(w, c->altsec[i].is_strong);
		gw_wr_str(w, c->altsec[i].value);
	}
	gw_wr_u64(w, (uint64_t)c->not_before);
	gw_wr_bytes(w, l->leaf.p, l->leaf.len);
}

bool
gw_logon_decode(struct gw_rd *r, struct gw_logon *out)
{
	struct gw_claims *c = &out->claims;
	size_t n;

	memset(out, 0, sizeof(*out));
	rd_login(r, out->login);
	out->budget_ms = gw_rd_u32(r);
	gw_rd_str(r, c->upn, sizeof(c->upn));
	rd_sid(r, c->sid);
	n = gw_rd_count(r, GW_ALTSEC_COUNT);
	for (size_t i = 0; i < n; i++) {
		c->altsec[i].is_strong = rd_bool(r);
		c->altsec[i].value = gw_rd_strdup(r, GW_ALTSEC_MAX);
		c->altsec_count++;
	}
	c->not_before = (int64_t)gw_rd_u64(r);
	out->leaf.p = gw_rd_bytes(r, GW_CERT_MAX, &out->leaf.len);
	if (c->upn[0] != '\0' && !gw_upn_is_valid(c->upn, strlen(c->upn)))
		r->bad = true;
	if (gw_rd_done(r))
		return true;
	gw_claims_clear(c);
	return false;
}

/* ---- FACTS */

void
gw_facts_encode(struct gw_wr *w, const struct gw_facts *f)
{
	gw_wr_str(w, f->sam);
	gw_wr_str(w, f->upn);
	gw_wr_str(w, f->sid);
	gw_wr_str(w, f->dn);
	gw_wr_str(w, f->display_name);
	gw_wr_str(w, f->mail);
	gw_wr_str(w, f->dc);
	gw_wr_u8(w, (uint8_t)f->mapping);
	gw_wr_u8(w, f->is_privileged);
	gw_wr_u64(w, (uint64_t)f->ticket_end);
	gw_wr_u32(w, f->map_us);
	gw_wr_u32(w, f->self_us);
	gw_wr_u32(w, f->proxy_us);
	gw_wr_u32(w, f->bind_us);
	gw_wr_u32(w, (uint32_t)f->group_count);
	for (size_t i = 0; i < f->group_count; i++) {
		gw_wr_str(w, f->groups[i].sid);
		gw_wr_str(w, f->groups[i].name);
	}
}

static void
rd_groups(struct gw_rd *r, struct gw_facts *out)
{
	size_t n = gw_rd_count(r, GW_GROUPS_MAX);

	out->groups = gw_xcalloc(n + 1, sizeof(*out->groups));
	for (size_t i = 0; i < n && !r->bad; i++) {
		struct gw_group *g = &out->groups[i];

		g->sid = gw_rd_strdup(r, GW_SID_MAX);
		g->name = gw_rd_strdup(r, GW_NAME_MAX);
		out->group_count++;
		if (!gw_sid_is_valid(g->sid))
			r->bad = true;
	}
}

bool
gw_facts_decode(struct gw_rd *r, struct gw_facts *out)
{
	memset(out, 0, sizeof(*out));
	gw_rd_str(r, out->sam, sizeof(out->sam));
	gw_rd_str(r, out->upn, sizeof(out->upn));
	rd_sid(r, out->sid);
	gw_rd_str(r, out->dn, sizeof(out->dn));
	gw_rd_str(r, out->display_name, sizeof(out->display_name));
	gw_rd_str(r, out->mail, sizeof(out->mail));
	gw_rd_str(r, out->dc, sizeof(out->dc));
	out->mapping = rd_mapping(r);
	out->is_privileged = rd_bool(r);
	out->ticket_end = (time_t)gw_rd_u64(r);
	out->map_us = gw_rd_u32(r);
	out->self_us = gw_rd_u32(r);
	out->proxy_us = gw_rd_u32(r);
	out->bind_us = gw_rd_u32(r);
	rd_groups(r, out);
	/* fail closed: facts about nobody are not facts. */
	if (gw_rd_done(r) && out->sam[0] != '\0' && out->sid[0] != '\0' &&
	    out->mapping != GW_MAPPED_NOT)
		return true;
	gw_facts_clear(out);
	return false;
}

/* ---- REFUSED */

void
gw_refused_encode(struct gw_wr *w, const struct gw_refused *x)
{
	gw_wr_u32(w, (uint32_t)x->code);
	gw_wr_str(w, x->detail);
	gw_wr_str(w, x->dc);
}

bool
gw_refused_decode(struct gw_rd *r, struct gw_refused *out)
{
	memset(out, 0, sizeof(*out));
	out->code = gw_err_from_wire(gw_rd_u32(r));
	gw_rd_str(r, out->detail, sizeof(out->detail));
	gw_rd_str(r, out->dc, sizeof(out->dc));
	if (out->code == GW_ERR_OK)
		out->code = GW_ERR_INTERNAL; /* fail closed */
	return gw_rd_done(r);
}

/* ---- CRL_ASK, CRL */

void
gw_crl_ask_encode(struct gw_wr *w, const struct gw_crl_ask *m)
{
	gw_wr_u32(w, m->budget_ms);
	gw_wr_str(w, m->url);
}

bool
gw_crl_ask_decode(struct gw_rd *r, struct gw_crl_ask *out)
{
	memset(out, 0, sizeof(*out));
	out->budget_ms = gw_rd_u32(r);
	gw_rd_str(r, out->url, sizeof(out->url));
	return gw_rd_done(r) && out->url[0] != '\0';
}

void
gw_crl_encode(struct gw_wr *w, uint32_t size)
{
	gw_wr_u32(w, size);
}

bool
gw_crl_decode(struct gw_rd *r, uint32_t *out_size)
{
	uint32_t size = gw_rd_u32(r);

	if (!gw_rd_done(r) || size == 0 || size > GW_CRL_FILE_MAX)
		return false;
	*out_size = size;
	return true;
}

/* ---- NTAUTH */

void
gw_ntauth_encode(struct gw_wr *w, const struct gw_ntauth_msg *m)
{
	gw_wr_u32(w, (uint32_t)m->count);
	gw_wr_raw(w, m->sha256, m->count * GW_SHA256);
}

/* fail closed: half a list would be another list. */
bool
gw_ntauth_decode(struct gw_rd *r, struct gw_ntauth_msg *out)
{
	memset(out, 0, sizeof(*out));
	out->count = gw_rd_count(r, GW_NTAUTH_MAX);
	gw_rd_raw(r, out->sha256, out->count * GW_SHA256);
	if (gw_rd_done(r))
		return true;
	out->count = 0;
	return false;
}

/* ---- control */

void
gw_file_encode(struct gw_wr *w, const struct gw_file *f)
{
	gw_wr_u8(w, (uint8_t)f->purpose);
	gw_wr_str(w, f->name);
	gw_wr_bytes(w, f->data, f->len);
}

bool
gw_file_decode(struct gw_rd *r, struct gw_file *out)
{
	const uint8_t *p;
	uint8_t purpose = gw_rd_u8(r);

	memset(out, 0, sizeof(*out));
	out->purpose = (enum gw_file_purpose)purpose;
	gw_rd_str(r, out->name, sizeof(out->name));
	p = gw_rd_bytes(r, GW_FILE_MAX, &out->len);
	if (!gw_rd_done(r) || purpose > GW_FILE_NAMES)
		return false;
	/* One byte more and zeroed: text files may be read as strings. */
	out->data = gw_xcalloc(out->len + 1, 1);
	memcpy(out->data, p, out->len);
	return true;
}

void
gw_file_clear(struct gw_file *f)
{
	if (f->data != NULL)
		gw_wipe(f->data, f->len);
	free(f->data);
	f->data = NULL;
	f->len = 0;
}

void
gw_listener_msg_encode(struct gw_wr *w, const struct gw_listener_msg *m)
{
	gw_wr_str(w, m->name);
	gw_wr_u32(w, m->worker);
}

bool
gw_listener_msg_decode(struct gw_rd *r, struct gw_listener_msg *out)
{
	gw_rd_str(r, out->name, sizeof(out->name));
	out->worker = gw_rd_u32(r);
	return gw_rd_done(r);
}

void
gw_link_msg_encode(struct gw_wr *w, const struct gw_link_msg *m)
{
	gw_wr_u8(w, (uint8_t)m->far);
	gw_wr_u32(w, m->worker);
}

bool
gw_link_msg_decode(struct gw_rd *r, struct gw_link_msg *out)
{
	uint8_t far = gw_rd_u8(r);

	out->far = (enum gw_link)far;
	out->worker = gw_rd_u32(r);
	return gw_rd_done(r) && far <= GW_LINK_KDC;
}

/* revocation_ocsp.c — the rung of responders: who they are and how they do,
 * and one question after the other. */
#include "revocation_priv.h"
#include "gw/util.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#define NO_TURN "too many questions to it before this one"

/* ---- responders */

static struct gw_responder *
responder(struct gw_revocation *r, const char *url)
{
	struct gw_responder *p;

	for (size_t i = 0; i < r->responder_count; i++)
		if (strcmp(r->responders[i]->url, url) == 0)
			return r->responders[i];
	if (r->responder_count >= GW_RESPONDERS_MAX)
		return NULL;
	p = gw_xcalloc(1, sizeof(*p));
	if (!gw_copy(p->url, sizeof(p->url), url))
		p->url[0] = '\0';
	r->responders[r->responder_count++] = p;
	return p;
}

void
gw_revocation_announce(struct gw_revocation *r, const char *url)
{
	if (url[0] != '\0')
		(void)responder(r, url);
}

const struct gw_responder *
gw_revocation_responder(const struct gw_revocation *r, size_t i)
{
	return i < r->responder_count ? r->responders[i] : NULL;
}

/* `revoked` and `unknown` are answers: the responder works. */
static bool
is_answer(enum gw_err code)
{
	return code == GW_ERR_OK || code == GW_ERR_CERT_REVOKED ||
	       code == GW_ERR_REVOCATION_UNKNOWN;
}

static void
note(struct gw_revocation *r, struct gw_responder *p, uint64_t took_us,
     enum gw_err rc, const struct gw_error *why)
{
	if (p == NULL)
		return;
	p->asked++;
	p->is_failing = !is_answer(rc);
	if (p->is_failing) {
		p->failed++;
		snprintf(p->last_error, sizeof(p->last_error), "%s: %.120s",
			 gw_err_name(rc), why->detail);
		return;
	}
	p->latency_us = took_us;
	p->last_ok = gw_revocation_now(r);
}

/* ---- one answer */

static time_t
fresh_until(const struct gw_revocation *r, const struct gw_ocsp_status *s,
	    time_t now)
{
	const struct gw_conf_revocation *c = r->conf;
	time_t oldest = s->this_update + (time_t)(c->max_age_ms / 1000);
	time_t end;

	if (s->next_update == 0) {
		if (c->cache_open_ms == 0)
			return 0;
		end = now + (time_t)(c->cache_open_ms / 1000);
	} else {
		end = GW_MIN(s->next_update,
			     now + (time_t)(c->cache_max_ms / 1000));
	}
	end = GW_MIN(end, oldest);
	return end > now ? end : 0;
}

static enum gw_err
judge(struct flight *f, const struct gw_fetched *got, time_t now,
      struct gw_ocsp_status *status, struct gw_error *why)
{
	const struct gw_conf_revocation *c = f->entry->owner->conf;
	const struct gw_ocsp_rules rules = {
		.skew_s = c->skew_ms / 1000,
		.max_age_s = c->max_age_ms / 1000,
	};
	enum gw_err rc;

	if (got->why != NULL)
		return gw_fail(why, GW_ERR_REVOCATION_UNAVAILABLE, "%s",
			       got->why);
	rc = gw_ocsp_judge(gw_flight_subject(f), gw_flight_issuer(f),
			   got->body.p, got->body.len, &f->ocsp.question,
			   &rules, now, status, why);
	return rc == GW_ERR_OK ? gw_flight_weigh(f, status->this_update, why)
			       : rc;
}

static bool
make_request(struct flight *f, bool has_nonce)
{
	struct asking *a = &f->ocsp;
	const struct gw_conf_ca *ca = f->path.ca;

	free(a->request);
	a->question = (struct gw_ocsp_question){
		.hash = (enum gw_ocsp_hash)ca->ocsp_hash,
	};
	if (has_nonce) {
		a->question.nonce_len = sizeof(a->question.nonce);
		gw_random(a->question.nonce, sizeof(a->question.nonce));
	}
	a->request = gw_ocsp_request(gw_flight_subject(f),
				     gw_flight_issuer(f), &a->question,
				     &a->request_len);
	a->is_plain = !has_nonce;
	ERR_clear_error();
	return a->request != NULL;
}

static void on_fetched(void *arg, const struct gw_fetched *got);
static void on_turn(struct gw_seat *s);

/* Each question ends by itself within what is left of the whole time. */
static void
send_request(struct flight *f, const char *url)
{
	struct gw_revocation *r = f->entry->owner;
	struct asking *a = &f->ocsp;
	uint64_t now = gw_loop_now_ms(r->loop);
	uint64_t left = f->deadline_ms > now ? f->deadline_ms - now : 1;
	char get[GW_OCSP_GET_MAX];
	struct gw_fetch_ask ask = {
		.url = url, .expected = "application/ocsp-response",
		.max = GW_OCSP_BYTES_MAX, .fd = -1,
		.timeout_ms = GW_MIN((uint64_t)r->conf->timeout_ms, left),
	};

	a->is_get = !a->is_posted && a->is_plain &&
		    f->path.ca->ocsp_method == GW_OCSP_AUTO &&
		    gw_ocsp_get_url(url, a->request, a->request_len, get);
	if (a->is_get) {
		ask.url = get;
	} else {
		ask.type = "application/ocsp-request";
		ask.body = (struct gw_der){ a->request, a->request_len };
	}
	a->fetch = r->transport.start(r->transport.ctx, &ask, on_fetched, f);
	a->responder = responder(r, url);
	r->count.asked++;
}

/* The same responder once more, in the way it may understand. */
static bool
ask_otherwise(struct flight *f, const struct gw_fetched *got)
{
	struct asking *a = &f->ocsp;
	const char *url = a->urls.v[a->next_url - 1];

	if (gw_loop_now_ms(f->entry->owner->loop) >= f->deadline_ms)
		return false;
	if (a->is_get && got->why != NULL && got->status != 0) {
		a->is_posted = true;
	} else if (!a->is_plain && got->why == NULL &&
		   gw_ocsp_refuses(got->body.p, got->body.len)) {
		if (!make_request(f, false))
			return false;
	} else {
		return false;
	}
	send_request(f, url);
	return true;
}

/* Then an answer of a responder stands in for lists, until they change. */
static bool
ranks_lists_first(const struct flight *f)
{
	return f->rungs[0] == RUNG_CRL && f->crl.places.n > 0;
}

/* ---- of the responder itself (RFC 6960, 4.2.2.2.1) */

static void
fail_signer(struct flight *f, const char *why)
{
	char detail[GW_DETAIL_MAX];

	gw_format(detail, sizeof(detail), "the responder's own certificate "
		  "(no ocsp-nocheck): %.100s", why);
	gw_flight_failed(f, f->ocsp.held.source, GW_ERR_REVOCATION_SIGNER,
			 detail);
	gw_rung_ocsp_climb(f);
}

/* Meanwhile `revoked` may have been said under another section. */
static void
take_held(struct flight *f)
{
	const struct word *w = &f->ocsp.held;
	struct gw_error why;
	enum gw_err rc = gw_flight_weigh(f, w->as_of, &why);

	if (rc == GW_ERR_OK) {
		gw_flight_good(f, w);
		return;
	}
	gw_flight_failed(f, w->source, rc, why.detail);
	gw_rung_ocsp_climb(f);
}

static void
take_signer(struct flight *f, const struct gw_revocation_result *res)
{
	if (res->code == GW_ERR_OK)
		take_held(f);
	else
		fail_signer(f, res->detail);
}

static void
on_signer(struct gw_revocation_wait *w, const struct gw_revocation_result *r)
{
	take_signer(GW_CONTAINER(w, struct flight, ocsp.signer), r);
}

/* Good, but only if its responder is; who is asked about under the same
 * section, like any certificate. */
static void
ask_about_signer(struct flight *f, const struct word *w, X509 *signer)
{
	struct gw_path path = { .ca = f->path.ca };
	const struct gw_revocation_about about = {
		.path = &path, .given = f->given, .is_dry = f->is_dry,
		.is_responder = true };
	struct gw_revocation_result now;
	bool is_now;

	f->ocsp.held = *w;
	if (f->is_responder) { /* or they would go on for ever */
		fail_signer(f, "its own word about itself");
		return;
	}
	gw_share_leave(&f->seat);
	f->ocsp.signer.fn = on_signer;
	path.certs = sk_X509_new_null();
	gw_assert(path.certs != NULL &&
		  sk_X509_push(path.certs, signer) > 0);
	for (int i = f->depth + 1; i < sk_X509_num(f->path.certs); i++)
		gw_assert(sk_X509_push(path.certs, sk_X509_value(
					       f->path.certs, i)) > 0);
	is_now = gw_revocation_ask(f->entry->owner, &about, &f->ocsp.signer,
				   &now);
	sk_X509_free(path.certs);
	if (is_now)
		take_signer(f, &now);
}

/* ---- */

static void
on_fetched(void *arg, const struct gw_fetched *got)
{
	struct flight *f = arg;
	struct asking *a = &f->ocsp;
	struct gw_revocation *r = f->entry->owner;
	struct word w = { .source = a->urls.v[a->next_url - 1] };
	struct gw_error why = { .code = GW_ERR_OK };
	struct gw_ocsp_status status = { .this_update = 0 };
	time_t now = gw_revocation_now(r);
	enum gw_err rc = judge(f, got, now, &status, &why);

	a->fetch = NULL;
	note(r, a->responder, got->took_us, rc, &why);
	w.as_of = status.this_update;
	w.until = fresh_until(r, &status, now);
	w.lists = ranks_lists_first(f) ? gw_crl_store_generation(r->lists) : 0;
	if (rc == GW_ERR_OK && status.responder != NULL) {
		ask_about_signer(f, &w, status.responder);
	} else if (rc == GW_ERR_OK) {
		gw_flight_good(f, &w);
	} else if (rc == GW_ERR_CERT_REVOKED) {
		gw_flight_revoked(f, &w, why.detail);
	} else if (!ask_otherwise(f, got)) {
		gw_flight_failed(f, w.source, rc, why.detail);
		gw_rung_ocsp_climb(f);
	}
	X509_free(status.responder);
}

void
gw_rung_ocsp_begin(struct flight *f)
{
	const struct gw_conf_ca *ca = f->path.ca;
	struct gw_ocsp_urls urls;

	f->seat.turn = on_turn;
	gw_ocsp_urls(gw_flight_subject(f), ca->ocsp_url,
		     (enum gw_ocsp_mode)ca->ocsp_mode, &urls);
	for (size_t i = 0; i < urls.n; i++)
		gw_names_add(&f->ocsp.urls, urls.v[i]);
	ERR_clear_error();
}

static bool
has_time(const struct flight *f)
{
	return gw_loop_now_ms(f->entry->owner->loop) < f->deadline_ms;
}

/* NULL: asked, or waiting for its turn. */
static const char *
ask(struct flight *f, const char *url)
{
	if (!has_time(f))
		return "no time left to ask";
	if (!gw_share_sit(f->entry->owner->shares, url, &f->seat))
		return "too many questions to it under way";
	if (!make_request(f, f->path.ca->ocsp_nonce))
		return "no question can be made";
	f->ocsp.is_posted = false;
	if (gw_share_ask(&f->seat))
		send_request(f, url);
	return NULL;
}

/* The next responder that has room for us. */
void
gw_rung_ocsp_climb(struct flight *f)
{
	struct asking *a = &f->ocsp;
	const char *url, *why;

	while (a->next_url < a->urls.n) {
		url = a->urls.v[a->next_url++];
		why = ask(f, url);
		if (why == NULL)
			return;
		gw_flight_failed(f, url, GW_ERR_REVOCATION_UNAVAILABLE, why);
	}
	gw_share_leave(&f->seat);
	gw_flight_go_on(f);
}

static void
on_turn(struct gw_seat *s)
{
	struct flight *f = GW_CONTAINER(s, struct flight, seat);
	const char *url = f->ocsp.urls.v[f->ocsp.next_url - 1];

	if (has_time(f)) {
		send_request(f, url);
		return;
	}
	gw_flight_failed(f, url, GW_ERR_REVOCATION_UNAVAILABLE, NO_TURN);
	gw_rung_ocsp_climb(f);
}

bool
gw_rung_ocsp_give_up(struct flight *f)
{
	if (f->ocsp.signer.is_waiting) {
		gw_revocation_forget(&f->ocsp.signer);
		fail_signer(f, "no time is left to ask about it");
		return true;
	}
	if (!f->seat.is_queued)
		return false;
	gw_flight_failed(f, f->ocsp.urls.v[f->ocsp.next_url - 1],
			 GW_ERR_REVOCATION_UNAVAILABLE, NO_TURN);
	gw_rung_ocsp_climb(f);
	return true;
}

void
gw_rung_ocsp_end(struct flight *f)
{
	struct asking *a = &f->ocsp;

	if (a->fetch != NULL)
		f->entry->owner->transport.cancel(a->fetch);
	gw_revocation_forget(&a->signer);
	free(a->request);
	free(a->urls.v);
}

/* discover.c — see discover.h. */
#include "discover.h"
#include "gw/util.h"

#include <ares.h>
#include <ares_dns.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <ctype.h>
#include <netdb.h>
#include <string.h>
#include <sys/select.h>

#define DNS_TIMEOUT_MS 2000
#define DNS_TRIES      2

/* Host names only: what becomes part of an SPN holds no syntax. */
static bool
copy_name(char out[GW_HOST_MAX], const char *s, size_t len)
{
	if (len > 0 && s[len - 1] == '.')
		len--;
	if (len == 0 || len >= GW_HOST_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)s[i]) && s[i] != '-' &&
		    s[i] != '.' && s[i] != '_')
			return false;
		out[i] = (char)tolower((unsigned char)s[i]);
	}
	out[len] = '\0';
	return true;
}

enum gw_err
gw_dc_parse(const char *text, struct gw_found_dc *out, struct gw_error *err)
{
	const char *at = strchr(text, '@');
	size_t len = at != NULL ? (size_t)(at - text) : strlen(text);
	struct gw_found_dc d = { .priority = 0 };

	if (!copy_name(d.name, text, len))
		return gw_fail(err, GW_ERR_CONF,
			       "domain_controllers: %.100s: no host name",
			       text);
	if (strchr(d.name, '.') == NULL)
		return gw_fail(err, GW_ERR_CONF,
			       "domain_controllers: %.100s: the full name is "
			       "needed (it is the SPN's)",
			       text);
	if (at != NULL && !gw_addr_parse(at + 1, &d.addr))
		return gw_fail(err, GW_ERR_CONF,
			       "domain_controllers: %.100s: no IP address",
			       text);
	*out = d;
	return GW_ERR_OK;
}

size_t
gw_discover_static(const struct gw_conf_directory *conf,
		   struct gw_found_dc out[GW_DCS_MAX])
{
	const struct gw_strlist *l = &conf->domain_controllers;
	size_t n = 0;

	for (size_t i = 0; i < l->n && n < GW_DCS_MAX; i++) {
		if (gw_dc_parse(l->v[i], &out[n], NULL) != GW_ERR_OK ||
		    out[n].addr.sa.sa_family == AF_UNSPEC)
			continue;
		out[n++].priority = (unsigned)i;
	}
	return n;
}

bool
gw_discover_needs_dns(const struct gw_conf_directory *conf)
{
	const struct gw_strlist *l = &conf->domain_controllers;

	for (size_t i = 0; i < l->n; i++)
		if (strchr(l->v[i], '@') == NULL)
			return true;
	return l->n == 0;
}

/* ---- c-ares, made synchronous */

static bool
open_channel(ares_channel *out)
{
	struct ares_options o = { .timeout = DNS_TIMEOUT_MS,
				  .tries = DNS_TRIES };

	return ares_init_options(out, &o,
				 ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES) ==
	       ARES_SUCCESS;
}

/* Until nothing is under way; every query has its own time limit. */
static void
run(ares_channel ch)
{
	for (;;) {
		fd_set r, w;
		struct timeval tv, *wait;
		int n;

		FD_ZERO(&r);
		FD_ZERO(&w);
		n = ares_fds(ch, &r, &w);
		if (n == 0)
			return;
		wait = ares_timeout(ch, NULL, &tv);
		if (select(n, &r, &w, NULL, wait) < 0) {
			FD_ZERO(&r);
			FD_ZERO(&w);
		}
		ares_process(ch, &r, &w);
	}
}

struct srv_result {
	struct gw_found_dc *out;
	size_t count;
	int status;
};

static void
on_srv(void *arg, int status, int timeouts, unsigned char *buf, int len)
{
	struct srv_result *x = arg;
	struct ares_srv_reply *list = NULL;

	(void)timeouts;
	x->status = status;
	if (status == ARES_SUCCESS)
		x->status = ares_parse_srv_reply(buf, len, &list);
	for (struct ares_srv_reply *s = list;
	     s != NULL && x->count < GW_DCS_MAX; s = s->next) {
		struct gw_found_dc d = { .priority = s->priority };

		if (copy_name(d.name, s->host, strlen(s->host)))
			x->out[x->count++] = d;
	}
	if (list != NULL)
		ares_free_data(list);
}

static enum gw_err
ask_srv(ares_channel ch, const char *domain, struct gw_found_dc *out,
	size_t *out_count, struct gw_error *err)
{
	gw_auto(free) char *name = gw_xasprintf("_ldap._tcp.dc._msdcs.%s",
						domain);
	struct srv_result x = { .out = out, .status = ARES_ENODATA };

	ares_query(ch, name, ns_c_in, ns_t_srv, on_srv, &x);
	run(ch);
	if (x.count == 0)
		return gw_fail(err, GW_ERR_KDC_UNREACHABLE, "SRV %.100s: %s",
			       name, ares_strerror(x.status));
	*out_count = x.count;
	return GW_ERR_OK;
}

static void
on_addr(void *arg, int status, int timeouts, struct ares_addrinfo *ai)
{
	struct gw_found_dc *d = arg;

	(void)timeouts;
	if (status != ARES_SUCCESS)
		return;
	for (struct ares_addrinfo_node *n = ai->nodes; n != NULL;
	     n = n->ai_next) {
		if (n->ai_addrlen > sizeof(d->addr))
			continue;
		memcpy(&d->addr, n->ai_addr, n->ai_addrlen);
		break; /* the first: sorted by RFC 6724 */
	}
	ares_freeaddrinfo(ai);
}

static void
ask_addresses(ares_channel ch, struct gw_found_dc *d, size_t n)
{
	const struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
						   .ai_socktype = SOCK_STREAM };

	for (size_t i = 0; i < n; i++)
		if (d[i].addr.sa.sa_family == AF_UNSPEC)
			ares_getaddrinfo(ch, d[i].name, NULL, &hints, on_addr,
					 &d[i]);
	run(ch);
}

static size_t
list_configured(const struct gw_conf_directory *conf, struct gw_found_dc *out)
{
	const struct gw_strlist *l = &conf->domain_controllers;
	size_t n = 0;

	for (size_t i = 0; i < l->n && n < GW_DCS_MAX; i++)
		if (gw_dc_parse(l->v[i], &out[n], NULL) == GW_ERR_OK)
			out[n++].priority = (unsigned)i;
	return n;
}

static enum gw_err
keep_addressed(struct gw_found_dc *d, size_t n, size_t *out_count,
	       struct gw_error *err)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (d[i].addr.sa.sa_family != AF_UNSPEC)
			d[k++] = d[i];
	if (k == 0)
		return gw_fail(err, GW_ERR_KDC_UNREACHABLE,
			       "no domain controller's address is known");
	*out_count = k;
	return GW_ERR_OK;
}

enum gw_err
gw_discover(const struct gw_conf_directory *conf,
	    struct gw_found_dc out[GW_DCS_MAX], size_t *out_count,
	    struct gw_error *err)
{
	size_t n = list_configured(conf, out);
	ares_channel ch;
	enum gw_err rc = GW_ERR_OK;

	/* Anew each time: the name servers may have changed. */
	if (!open_channel(&ch))
		return gw_fail(err, GW_ERR_SYSTEM, "c-ares: no channel");
	if (n == 0)
		rc = ask_srv(ch, conf->domain, out, &n, err);
	if (rc == GW_ERR_OK)
		ask_addresses(ch, out, n);
	ares_destroy(ch);
	return rc != GW_ERR_OK ? rc : keep_addressed(out, n, out_count, err);
}

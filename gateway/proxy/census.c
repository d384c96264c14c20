/* census.c — see census.h. */
#include "census.h"

bool
gw_census_ask(struct gw_census *s, uint64_t ask, struct gw_crew *crew,
	      const struct gw_site *site)
{
	for (size_t i = 0; i < GW_CENSUS_MAX; i++) {
		if (s->tallies[i].waiting > 0)
			continue;
		s->tallies[i] = (struct gw_tally){
			.ask = ask, .waiting = crew->count,
			.sum = gw_counters_new(site) };
		gw_crew_post_all(crew, &(struct gw_mail){
			.kind = GW_MAIL_STATUS, .fd = -1, .ask = ask });
		return true;
	}
	return false;
}

struct gw_counters *
gw_census_add(struct gw_census *s, const struct gw_mail *m,
	      const struct gw_site *site)
{
	for (size_t i = 0; i < GW_CENSUS_MAX; i++) {
		struct gw_tally *t = &s->tallies[i];

		if (t->waiting == 0 || t->ask != m->ask)
			continue;
		gw_counters_add(t->sum, m->counters, site);
		return --t->waiting == 0 ? gw_steal(&t->sum) : NULL;
	}
	return NULL;
}

void
gw_census_clear(struct gw_census *s)
{
	for (size_t i = 0; i < GW_CENSUS_MAX; i++)
		gw_counters_free(s->tallies[i].sum);
}

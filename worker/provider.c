#include "worker/provider.h"

void
provider_settle(const struct provider *provider, const struct provider_request *request,
    bool find_first, struct provider_result *ret_result)
{
	*ret_result = (struct provider_result){.outcome = PROVIDER_NOT_FOUND};
	if (find_first)
		provider->find(provider->state, request, ret_result);
	/* Whatever else it said is the answer; also none, as then nobody knows what was done. */
	if (ret_result->outcome != PROVIDER_NOT_FOUND)
		return;
	*ret_result = (struct provider_result){.outcome = PROVIDER_UNKNOWN};
	if (request->refund)
		provider->refund(provider->state, request, ret_result);
	else
		provider->charge(provider->state, request, ret_result);
	CHECK(ret_result->outcome != PROVIDER_NOT_FOUND);
}

struct str
provider_outcome_text(enum provider_outcome outcome)
{
	static const char *const texts[PROVIDER_OUTCOME_MAX] = {
	    [PROVIDER_SUCCEEDED] = "succeeded",
	    [PROVIDER_DECLINED] = "failed",
	    [PROVIDER_UNKNOWN] = "unknown",
	};

	CHECK((int)outcome >= 0 && outcome < PROVIDER_OUTCOME_MAX && texts[outcome] != NULL);
	return str_from(texts[outcome]);
}

#include "worker/duty.h"

#include "common/base/daemon.h"

void
duty_init(struct duty *duty, int32_t partitions_all)
{
	pthread_condattr_t attributes;

	*duty = (struct duty){.partitions_all = partitions_all};
	CHECK(pthread_mutex_init(&duty->lock, NULL) == 0);
	CHECK(pthread_condattr_init(&attributes) == 0);
	CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
	CHECK(pthread_cond_init(&duty->news, &attributes) == 0);
	pthread_condattr_destroy(&attributes);
}

void
duty_release(struct duty *duty)
{
	CHECK(!duty->started);
	pthread_cond_destroy(&duty->news);
	pthread_mutex_destroy(&duty->lock);
}

void
duty_start(struct duty *duty, void *(*run)(void *argument), void *argument)
{
	CHECK(!duty->started);
	CHECK(pthread_create(&duty->thread, NULL, run, argument) == 0);
	duty->started = true;
}

void
duty_stop(struct duty *duty)
{
	if (!duty->started)
		return;
	pthread_mutex_lock(&duty->lock);
	duty->stop = true;
	pthread_cond_signal(&duty->news);
	pthread_mutex_unlock(&duty->lock);
	pthread_join(duty->thread, NULL);
	duty->started = false;
}

void
duty_own(struct duty *duty, const struct partitions *partitions)
{
	pthread_mutex_lock(&duty->lock);
	duty->owned_len = partitions->len;
	for (size_t i = 0; i < partitions->len; i++)
		duty->owned[i] = partitions->items[i].id;
	duty->woken = true;
	pthread_cond_signal(&duty->news);
	pthread_mutex_unlock(&duty->lock);
}

void
duty_wake(struct duty *duty)
{
	pthread_mutex_lock(&duty->lock);
	duty->woken = true;
	pthread_cond_signal(&duty->news);
	pthread_mutex_unlock(&duty->lock);
}

bool
duty_await(struct duty *duty, int64_t timeout_ms)
{
	struct timespec until = clock_steady_after(timeout_ms);
	bool stop;

	pthread_mutex_lock(&duty->lock);
	while (!duty->stop && !duty->woken)
		if (pthread_cond_timedwait(&duty->news, &duty->lock, &until) != 0)
			break;
	duty->woken = false;
	stop = duty->stop;
	pthread_mutex_unlock(&duty->lock);
	return !stop;
}

bool
duty_stopping(struct duty *duty)
{
	bool stop;

	pthread_mutex_lock(&duty->lock);
	stop = duty->stop;
	pthread_mutex_unlock(&duty->lock);
	return stop;
}

size_t
duty_owned(struct duty *duty, int32_t ret_ids[CONSUMER_PARTITIONS_MAX])
{
	size_t len;

	pthread_mutex_lock(&duty->lock);
	len = duty->stop ? 0 : duty->owned_len;
	memcpy(ret_ids, duty->owned, len * sizeof(ret_ids[0]));
	pthread_mutex_unlock(&duty->lock);
	return len;
}

bool
duty_owns(struct duty *duty, int32_t shard)
{
	int32_t partition = shard & (duty->partitions_all - 1);
	bool ours = false;

	pthread_mutex_lock(&duty->lock);
	for (size_t i = 0; !duty->stop && i < duty->owned_len; i++)
		ours |= duty->owned[i] == partition;
	pthread_mutex_unlock(&duty->lock);
	return ours;
}

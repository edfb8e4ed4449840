#include "common/base/uuid_new.h"

#include <sodium.h>

#include "common/base/daemon.h"

struct uuid
uuid_new(void)
{
	uint64_t ms = (uint64_t)clock_now_ms();
	struct uuid uuid;

	randombytes_buf(uuid.b, sizeof(uuid.b));
	for (int i = 0; i < 6; i++)
		uuid.b[i] = (uint8_t)(ms >> (40 - 8 * i));
	uuid.b[6] = (uint8_t)((uuid.b[6] & 0x0F) | 0x70);
	uuid.b[8] = (uint8_t)((uuid.b[8] & 0x3F) | 0x80);
	return uuid;
}

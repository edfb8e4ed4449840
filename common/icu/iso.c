#include <unicode/ucurr.h>
#include <unicode/uenum.h>
#include <unicode/uloc.h>

#include "common/icu/iso.h"

#define LETTERS 26
#define CURRENCY_LETTERS 3
#define COUNTRY_LETTERS 2
#define CURRENCY_CODES (LETTERS * LETTERS * LETTERS)
#define COUNTRY_CODES (LETTERS * LETTERS)
#define EXPONENT_NONE (-1)

struct currency_correction {
	const char *code;
	int exponent; /* EXPONENT_NONE when it was withdrawn */
};

/* Where ISO 4217 says otherwise than ICU. */
static const struct currency_correction currency_corrections[] = {
    /* ICU tells how many decimals are shown; these have more, which are hardly in use. */
    {"AFN", 2},
    {"ALL", 2},
    {"IQD", 3},
    {"IRR", 2},
    {"KPW", 2},
    {"LAK", 2},
    {"LBP", 2},
    {"MGA", 2},
    {"MMK", 2},
    {"RSD", 2},
    {"SOS", 2},
    {"SYP", 2},
    {"YER", 2},
    /* Withdrawn, though older versions of ICU list them, and what came instead. */
    {"ANG", EXPONENT_NONE},
    {"XCG", 2},
    {"CUC", EXPONENT_NONE},
    {"HRK", EXPONENT_NONE},
    {"SLL", EXPONENT_NONE},
    {"VEF", EXPONENT_NONE},
    {"VED", 2},
    {"ZWL", EXPONENT_NONE},
    {"ZWG", 2},
};

/* Regions that ICU lists and ISO 3166-1 only reserves (Ascension, Clipperton, Sark, Diego Garcia,
 * Ceuta and Melilla, the Canary Islands, Tristan da Cunha) or leaves to users (Kosovo). */
static const char *const regions_of_icu_alone[] = {
    "AC",
    "CP",
    "CQ",
    "DG",
    "EA",
    "IC",
    "TA",
    "XK",
};

/* What iso_init reads, by the letters of a code as digits to the base 26. */
static struct {
	bool ready;
	int8_t exponents[CURRENCY_CODES]; /* EXPONENT_NONE for no currency */
	bool countries[COUNTRY_CODES];
} iso;

/* The index of a code of ${letters} upper-case letters; false when it is none. */
static bool
code_index(struct str code, size_t letters, size_t *ret_index)
{
	size_t index = 0;

	if (code.len != letters)
		return false;
	for (size_t i = 0; i < letters; i++) {
		if (code.ptr[i] < 'A' || code.ptr[i] > 'Z')
			return false;
		index = index * LETTERS + (size_t)(code.ptr[i] - 'A');
	}
	*ret_index = index;
	return true;
}

/* Set the decimals of ${code}, one of ICU's codes or of ours. */
static void
currency_set(const char *code, int exponent)
{
	size_t index = 0;
	bool is_code = code_index(str_from(code), CURRENCY_LETTERS, &index);

	CHECK(is_code);
	CHECK(exponent >= EXPONENT_NONE && exponent <= 4);
	iso.exponents[index] = (int8_t)exponent;
}

static void
country_set(const char *code, bool known)
{
	size_t index = 0;
	bool is_code = code_index(str_from(code), COUNTRY_LETTERS, &index);

	CHECK(is_code);
	iso.countries[index] = known;
}

static void
currencies_read(UErrorCode *status)
{
	UEnumeration *codes = ucurr_openISOCurrencies(UCURR_COMMON | UCURR_NON_DEPRECATED, status);
	const char *code;

	while (U_SUCCESS(*status) && (code = uenum_next(codes, NULL, status)) != NULL) {
		UChar wide[CURRENCY_LETTERS + 1] = {0};

		for (size_t i = 0; i < CURRENCY_LETTERS; i++)
			wide[i] = (UChar)code[i];
		currency_set(code, ucurr_getDefaultFractionDigits(wide, status));
	}
	uenum_close(codes);
	for (size_t i = 0; i < ARRAY_LEN(currency_corrections); i++)
		currency_set(currency_corrections[i].code, currency_corrections[i].exponent);
}

static void
countries_read(void)
{
	for (const char *const *code = uloc_getISOCountries(); *code != NULL; code++)
		country_set(*code, true);
	for (size_t i = 0; i < ARRAY_LEN(regions_of_icu_alone); i++)
		country_set(regions_of_icu_alone[i], false);
}

enum err_class
iso_init(struct err *err)
{
	UErrorCode status = U_ZERO_ERROR;

	memset(iso.exponents, EXPONENT_NONE, sizeof(iso.exponents));
	memset(iso.countries, 0, sizeof(iso.countries));
	currencies_read(&status);
	if (U_FAILURE(status))
		return err_set(err, status == U_MEMORY_ALLOCATION_ERROR ? ERR_RETRY : ERR_FATAL,
		    "reading ICU's currencies: %s", u_errorName(status));
	countries_read();
	iso.ready = true;
	return ERR_NONE;
}

bool
iso_currency_is_known(struct str code)
{
	return iso_currency_exponent(code) != EXPONENT_NONE;
}

int
iso_currency_exponent(struct str code)
{
	size_t index;

	CHECK(iso.ready);
	return code_index(code, CURRENCY_LETTERS, &index) ? iso.exponents[index] : EXPONENT_NONE;
}

bool
iso_country_is_known(struct str code)
{
	size_t index;

	CHECK(iso.ready);
	return code_index(code, COUNTRY_LETTERS, &index) && iso.countries[index];
}

#include "media/audio_level.h"

enum { FRACTION = 256, LONGEST_US = 1000000 };

void audio_level_init(audio_level *level) {
    *level = (audio_level){.told = AUDIO_LEVEL_SILENCE, .smoothed = AUDIO_LEVEL_SILENCE * FRACTION};
}

// A first-order filter in time, since packets may hold 10 to 120 ms, and some are lost.
static void smooth(audio_level *level, uint8_t dbov, uint64_t now_us) {
    uint64_t passed_us = level->started && now_us > level->at_us ? now_us - level->at_us : 20000;
    if (passed_us > LONGEST_US) passed_us = LONGEST_US;
    int64_t change = (int64_t)dbov * FRACTION - (int64_t)level->smoothed;
    int64_t constant_us = change < 0 ? AUDIO_LEVEL_RISING_US : AUDIO_LEVEL_FALLING_US;
    int64_t step = change * (int64_t)passed_us / ((int64_t)passed_us + constant_us);
    level->smoothed = (uint32_t)((int64_t)level->smoothed + step);
    level->started = true;
    level->at_us = now_us;
}

bool audio_level_on_packet(audio_level *level, uint8_t dbov, uint64_t now_us) {
    smooth(level, dbov > AUDIO_LEVEL_SILENCE ? AUDIO_LEVEL_SILENCE : dbov, now_us);
    uint32_t limit = level->speaking ? AUDIO_LEVEL_ENDS : AUDIO_LEVEL_BEGINS;
    level->speaking = level->smoothed <= limit * FRACTION;
    uint8_t value = level->speaking ? (uint8_t)((level->smoothed + FRACTION / 2) / FRACTION) : AUDIO_LEVEL_SILENCE;
    bool was_speaking = level->told != AUDIO_LEVEL_SILENCE;
    if (!level->speaking && !was_speaking) return false;
    int change = value > level->told ? value - level->told : level->told - value;
    uint64_t since_us = now_us - level->told_us;
    bool matters = level->speaking != was_speaking || change >= AUDIO_LEVEL_STEP || since_us >= AUDIO_LEVEL_AGAIN_US;
    if (!matters || since_us < AUDIO_LEVEL_TELL_US) return false;
    level->told = value;
    level->told_us = now_us;
    return true;
}

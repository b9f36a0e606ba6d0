// Who speaks: the levels that one source's packets carry (RFC 6464), smoothed, and told to the control plane only where
// they change enough to matter. A hint that the publisher gives: who sends false levels is shown as loud, no more.
#ifndef SFU_MEDIA_AUDIO_LEVEL_H
#define SFU_MEDIA_AUDIO_LEVEL_H

#include <stdbool.h>
#include <stdint.h>

enum {
    AUDIO_LEVEL_SILENCE = 127,       // -dBov, RFC 6464 section 3
    AUDIO_LEVEL_BEGINS = 50,         // so loud or louder is speech
    AUDIO_LEVEL_ENDS = 55,           // and until it is quieter than this
    AUDIO_LEVEL_STEP = 6,            // dB that make a difference
    AUDIO_LEVEL_RISING_US = 50000,   // of a syllable two packets are enough,
    AUDIO_LEVEL_FALLING_US = 400000, // and between two words nobody falls silent
    AUDIO_LEVEL_TELL_US = 300000,    // between two tellings
    AUDIO_LEVEL_AGAIN_US = 1000000,  // who goes on is told again, so that it is noticed when packets cease
};

typedef struct audio_level {
    bool started;
    bool speaking;
    uint8_t told;      // -dBov; AUDIO_LEVEL_SILENCE: not speaking
    uint32_t smoothed; // 1/256 of -dBov
    uint64_t at_us;    // of the last packet
    uint64_t told_us;
} audio_level;

void audio_level_init(audio_level *level);

// A packet that says `dbov` (0 is loudest, 127 silence). True where `told` has changed or is due again.
bool audio_level_on_packet(audio_level *level, uint8_t dbov, uint64_t now_us);

#endif

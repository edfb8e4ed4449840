#ifndef COMMON_KAFKA_TOPIC_H
#define COMMON_KAFKA_TOPIC_H

/*
 * The names of our topics.  `billd topics apply` makes them.
 */

#define KAFKA_TOPIC_COMMANDS "billd.commands"
#define KAFKA_TOPIC_EVENTS "billd.events"
#define KAFKA_TOPIC_DEAD_LETTERS "billd.dead_letters"

#endif

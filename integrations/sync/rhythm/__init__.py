"""The rhythm of each flow: counted by the hour, judged by the same hours of weeks."""

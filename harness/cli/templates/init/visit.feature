# The same in words. The step library needs no code; the handbook lists its sentences.
Feature: The entry page

  @smoke
  Scenario: It answers
    When I GET "/"
    Then it holds that: status < 400
